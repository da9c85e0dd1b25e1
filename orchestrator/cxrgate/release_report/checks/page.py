"""The page beside a report: is it the page of this very report?

Its bytes are no matter: another release may draw and word it otherwise. What is claimed stands in the signed file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cxrgate.core.digest import bytes_digest
from cxrgate.release_report.changes import Change

CLAIM = "cxrgate-claim"
"""Name of the page's meta element that holds the sha256 of release-report.json."""


def page_changes(page: Path, report: bytes, statement: Mapping[str, Any], *, names_the_report: bool) -> list[Change]:
    """Whether a page belongs to a report.

    Args:
        page: the HTML file.
        report: the bytes of the signed file.
        statement: in it.
        names_the_report: whether pages of this format carry the report's digest. Those of format 1 do not: they list
            the digests of the recorded results, which no other run has.
    """
    text = page.read_bytes().decode(errors="replace")
    expected = [f'<meta name="{CLAIM}" content="{bytes_digest(report)}">'] if names_the_report else _results(statement)
    if all(part in text for part in expected):
        return []
    return [Change(page.name, "is not the page of this report: it carries the digest of another one, or none")]


def _results(statement: Mapping[str, Any]) -> Iterable[str]:
    results = statement.get("results")
    return [str(digest) for digest in results.values()] if isinstance(results, Mapping) and results else ["\0"]
