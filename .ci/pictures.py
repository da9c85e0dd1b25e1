"""The pictures of README and manual, taken of the demo's own pages: `make pictures`, after `make demo`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"]
PICTURES = {"docs/report.png": ("out/report.html", 1200, 1500)}
"""Picture to page, width and height in px."""
COLOURS = 64
"""Enough for pages without photographs, at a third of the bytes."""


def main() -> None:
    """Take every picture."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is not installed: `apt-get install chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        for picture, (page, width, height) in PICTURES.items():
            view = browser.new_page(viewport={"width": width, "height": height})
            view.goto(Path(page).absolute().as_uri())
            view.screenshot(path=picture)
            with Image.open(picture) as taken:
                taken.convert("RGB").quantize(COLOURS).save(picture, optimize=True)
        browser.close()


if __name__ == "__main__":
    main()
