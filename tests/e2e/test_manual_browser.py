"""The built manual in a real Chromium, opened from the disk as its readers open it. `make browser`."""

import shutil
import subprocess
import sys

import pytest
from playwright.sync_api import sync_playwright
from support.installations import ROOT

pytestmark = pytest.mark.browser

CHROMIUM = shutil.which("chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
TELEPHONE = {"width": 390, "height": 844}
PAGES = ("index.html", "tutorials/own-data.html", "reference/index.html", "reference/configuration.html")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("manual")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder]
    subprocess.run(command, cwd=ROOT, check=True, env={"NO_MKDOCS_2_WARNING": "1"})
    return folder


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


def test_a_word_is_found_without_a_server_and_nothing_is_fetched_from_elsewhere(site, browser):
    page, asked = browser.new_page(viewport={"width": 1400, "height": 900}), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((site / "index.html").as_uri())
    page.locator("input.md-search__input").click()
    page.keyboard.type("false_flags")
    page.wait_for_selector(".md-search-result__item a")

    assert page.locator(".md-search-result__item a").count() > 0
    assert not [address for address in asked if not address.startswith(("file:", "data:", "blob:"))]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_fits_on_a_telephone(site, browser, name, scheme):
    page = browser.new_context(viewport=TELEPHONE, color_scheme=scheme).new_page()
    page.goto((site / name).as_uri())

    assert page.evaluate("document.documentElement.scrollWidth") == TELEPHONE["width"]
    inner = page.evaluate(
        "Math.max(0, ...[...document.querySelectorAll('table:has(td > [id])')].map(t => t.scrollWidth))"
    )
    assert inner <= TELEPHONE["width"]
