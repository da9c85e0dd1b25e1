"""The format versions by their numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cxrgate.core import UsageError
from cxrgate.release_report.formats.one import compose as one
from cxrgate.release_report.formats.two import compose as two
from cxrgate.release_report.parts import Parts


@dataclass(frozen=True, slots=True)
class Format:
    """How a version makes its statement.

    Attributes:
        compose: the statement of these parts, without the digests of the results.
        audit_part: what decided cases of an audit say.
        names_the_page: whether the page carries the report's digest, and the statement who signed and when.
        counts_pixels: whether coverage compares pixels; format 1 counted by name.
    """

    compose: Callable[[Parts], dict[str, Any]]
    audit_part: Callable[[pd.DataFrame], Mapping[str, Any]]
    names_the_page: bool = True
    counts_pixels: bool = True


FORMATS = {
    1: Format(one.compose, one.audit_part, names_the_page=False, counts_pixels=False),
    2: Format(two.compose, two.audit_part),
}
LATEST = max(FORMATS)
"""What new reports are written in."""


def format_of(statement: Mapping[str, Any]) -> Format:
    """The format that a statement names; UsageError where this release does not know it."""
    number = statement.get("format")
    if not isinstance(number, int) or number not in FORMATS:
        raise UsageError(
            f"the report has the format {number!r}, this release of cxrgate reads {', '.join(map(str, FORMATS))}; "
            "verify it with the release that wrote it, or a later one"
        )
    return FORMATS[number]
