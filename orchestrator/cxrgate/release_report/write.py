"""The two files of a release report: what is signed, and the page."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cxrgate.certification import sign
from cxrgate.release_report.compose import Inputs, make_statement
from cxrgate.release_report.page import render_page
from cxrgate.run.recorded import read_results
from cxrgate.storage import write_durably

REPORT = "release-report.json"
PAGE_SUFFIX = ".html"


def write_release_report(inputs: Inputs, folder: Path, key: Ed25519PrivateKey) -> Path:
    """Write report and page, each in one step, and give the report's path; errors as make_statement."""
    statement = make_statement(inputs)
    path = folder / REPORT
    page = render_page(statement, read_results(inputs.results))
    write_durably(path.with_suffix(PAGE_SUFFIX), page.encode())
    write_durably(path, sign(statement, key))
    return path
