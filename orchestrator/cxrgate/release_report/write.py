"""The two files of a release report: what is signed, and the page."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cxrgate.certification import sign
from cxrgate.release_report.compose import Inputs, make_statement
from cxrgate.release_report.page import render_page
from cxrgate.run.recorded import read_results

REPORT = "release-report.json"
PAGE_SUFFIX = ".html"


def write_release_report(inputs: Inputs, folder: Path, key: Ed25519PrivateKey) -> Path:
    """Write report and page, each in one step, and give the report's path; errors as make_statement."""
    statement = make_statement(inputs)
    path = folder / REPORT
    page = render_page(statement, read_results(inputs.results))
    _replace(path.with_suffix(PAGE_SUFFIX), page.encode())
    _replace(path, sign(statement, key))
    return path


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(content)
    partial.replace(path)
