"""The reviewer's page in a real Chromium, by keyboard alone. `make browser`."""

import re
import shutil
from contextlib import contextmanager

import pytest
from playwright.sync_api import sync_playwright
from support.review_process import Review, finished_run
from typer.testing import CliRunner

from cxrgate.cli.main import app

pytestmark = pytest.mark.browser

CHROMIUM = shutil.which("chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]


@pytest.fixture(scope="module")
def review(tmp_path_factory):
    folder = tmp_path_factory.mktemp("review")
    page = Review(
        finished_run(folder), "--references", folder, "--reference-map", folder / "private" / "references.csv"
    )
    with page.running():
        yield page


@contextmanager
def browsing(review, certificate=None, **options):
    """A page of a new browser; `certificate` is the role whose client certificate it has."""
    if certificate is not None:
        folder = review.certificates / certificate
        files = {"certPath": folder / "tls.crt", "keyPath": folder / "tls.key"}
        options["client_certificates"] = [{"origin": review.address, **{key: str(file) for key, file in files.items()}}]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        context = chromium.new_context(ignore_https_errors=True, base_url=review.address, **options)
        page = context.new_page()
        page.problems = []
        page.on("console", lambda message: page.problems.append(message.text) if message.type == "error" else None)
        yield page
        chromium.close()


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def test_a_case_is_decided_by_keyboard_with_a_certificate(review):
    with browsing(review, "reviewer") as page:
        page.goto("/")
        press(page, "Tab")
        assert page.locator(":focus").inner_text() == "Skip to the content"
        press(page, "Enter", *["Tab"] * 4)  # the four filters
        press(page, "Tab", "Tab", "Enter")  # the table, its first image
        page.wait_for_url(re.compile(r"/cases/\d+$"))
        name = page.locator("h1").inner_text()
        assert page.locator(".side img").count() >= 2
        assert page.locator(".side img").evaluate_all("images => images.every(image => image.naturalWidth > 50)")
        press(page, "Tab", "Tab")
        assert page.locator(":focus").inner_text() == "Skip to the decision"
        press(page, "Enter", "Tab", "ArrowDown", "Tab")  # the first choice has the focus, the second is taken
        page.keyboard.type("The same bones.")
        with page.expect_navigation():
            press(page, "Tab", "Enter")
        assert page.locator("h1").inner_text() != name
        page.goto("/?show=all")
        assert "withheld" in page.locator("tr", has_text=name).inner_text()
        assert page.problems == []
    assert not (review.folder / "out" / "released" / name).exists()


def test_a_link_is_opened_by_keyboard_and_the_session_can_be_left(review):
    arguments = ["review", "link", "dr.b", "--key", str(review.key), "--address", f"localhost:{review.port}"]
    link = CliRunner().invoke(app, arguments).output.strip()
    with browsing(review) as page:
        page.goto(link)
        page.locator("button:focus").wait_for()  # autofocus comes after the page
        press(page, "Enter")
        page.wait_for_url("**/")
        assert "link:dr.b" in page.locator("header").inner_text()
        page.get_by_role("button", name="Leave").press("Enter")
        page.wait_for_url("**/leave")
        page.goto("/")
        assert page.locator("h1").inner_text() == "Reviewers only"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_text_is_legible_and_nothing_is_wider_than_the_screen(review, scheme, width):
    with browsing(review, "reviewer", color_scheme=scheme, viewport={"width": width, "height": 800}) as page:
        for address in ("/?show=all", "/cases/2", "/cases/12"):
            page.goto(address)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate(CONTRAST) >= 4.5


CONTRAST = """() => {
  const light = colour => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(Number)
      .map(value => value / 255).map(value => value <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4);
    return .2126 * parts[0] + .7152 * parts[1] + .0722 * parts[2];
  };
  const behind = element => {
    for (let node = element; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (!colour.endsWith(', 0)') && colour !== 'transparent') return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const texts = [...document.querySelectorAll('body *')].filter(element =>
    [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim()));
  return Math.min(...texts.map(element => {
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((x, y) => y - x);
    return (a + .05) / (b + .05);
  }));
}"""
"""The smallest contrast of any text with what is behind it (WCAG 2.1, 1.4.3)."""
