import json
import re
import ssl

import httpx
import pytest
from support.review_process import Review, finished_run
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.core import UsageError
from cxrgate.gate.config import read_config
from cxrgate.rpc.development_ca import Authority, write_identity
from cxrgate.run.run import run


@pytest.fixture(scope="module")
def review(tmp_path_factory):
    page = Review(finished_run(tmp_path_factory.mktemp("review")))
    with page.running():
        yield page


def form(browser, address):
    fields = dict(re.findall(r'name="(csrf|pixels|policy)" value="([^"]*)"', browser.get(address).text))
    return {**fields, "choice": "overrule", "reason": "Too alike."}


def test_certificates_decide_who_comes_in(review):
    with review.browser("reviewer") as reviewer, review.browser("generator") as other, review.browser() as nobody:
        assert "spiffe://cxrgate/reviewer" in reviewer.get("/").text
        assert other.get("/").status_code == 401
        assert nobody.get("/").status_code == 401


def test_a_certificate_of_another_authority_gets_no_connection(review, tmp_path):
    write_identity(tmp_path / "forged", Authority.create().issue("spiffe://cxrgate/reviewer", ()))
    context = ssl.create_default_context(cafile=str(review.certificates / "review" / "ca.crt"))
    context.load_cert_chain(tmp_path / "forged/tls.crt", tmp_path / "forged/tls.key")

    with httpx.Client(verify=context, trust_env=False) as forged, pytest.raises(httpx.TransportError):
        forged.get(review.address)


def test_a_link_of_the_command_lets_in_once_and_stands_in_no_log(review):
    arguments = ["review", "link", "dr.a", "--key", str(review.key), "--address", f"localhost:{review.port}"]
    link = CliRunner().invoke(app, arguments).output.strip()

    with review.browser() as browser:
        assert browser.post(link, follow_redirects=True).status_code == 200
        assert browser.post(link).status_code == 410
    token = link.rsplit("/", 1)[-1]
    assert token not in (review.folder / "review.err").read_text()
    assert token not in (review.folder / "review.log").read_text()


def test_a_withheld_image_does_not_come_back_with_the_next_run(review):
    released = review.folder / "out" / "released"
    with review.browser("reviewer") as browser:
        page = browser.get("/cases/1").text
        name = re.search(r'<h1 class="verdict">(.*?)</h1>', page).group(1)
        assert (released / name).is_file()
        assert browser.post("/cases/1", data=form(browser, "/cases/1")).status_code == 303
    assert not (released / name).exists()
    files = len(json.loads((released / "manifest.json").read_text())["files"])
    page = (review.folder / "out/report.html").read_text()
    assert f'<p class="verdict">{files} of 34 images released; ' in page
    assert "1 withheld by reviewers" in page

    summary = run(read_config(review.config))

    assert not (released / name).exists()
    assert '"withheld": 1' in (released / "manifest.json").read_text()
    assert set(summary.released) == set(json.loads((released / "manifest.json").read_text())["files"])

    elsewhere = read_config(review.config).model_copy(update={"review": review.folder / "mistyped.log"})
    with pytest.raises(UsageError, match="1 that were withheld before are not in the log"):
        run(elsewhere)
    assert not (released / name).exists()
