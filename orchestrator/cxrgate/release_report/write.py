"""The two files of a release report: what is signed, and the page."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from cxrgate.certification import Signer, sign
from cxrgate.core.digest import bytes_digest
from cxrgate.release_report.compose import Inputs, make_statement
from cxrgate.release_report.page import render_page
from cxrgate.run.recorded import read_results
from cxrgate.storage import write_durably

REPORT = "release-report.json"
PAGE_SUFFIX = ".html"


def write_release_report(inputs: Inputs, folder: Path, signer: Signer, now: datetime) -> Path:
    """Write report and page, each in one step, and give the report's path.

    Equal records that are signed at the same second give equal bytes. Errors as make_statement.
    """
    statement = make_statement(inputs, signed_part(signer, now))
    content = sign(statement, signer.key)
    path = folder / REPORT
    page = render_page(statement, bytes_digest(content), read_results(inputs.results))
    write_durably(path.with_suffix(PAGE_SUFFIX), page.encode())
    write_durably(path, content)
    return path


def signed_part(signer: Signer, now: datetime) -> dict[str, Any]:
    """By whom and when: the name of the key's file, the digest of its public half, and the time to the second."""
    return {"by": signer.name, "key": signer.digest, "at": now.replace(microsecond=0).isoformat()}
