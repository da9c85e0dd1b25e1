"""What a statement is composed of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cxrgate.release_report.records import Records


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that a format's statement is made from.

    Attributes:
        records: of the run.
        released: sha256 of each file of the released folder, its manifest among them.
        certificate: statement and signature; None for an uncertified run.
        audit: see audit.read_audit; None where none was given.
        coverage: the fields of a Coverage; None where no training manifest was given.
        signed: when and by whom, see signed.Signed; formats before 2 do not tell it.
    """

    records: Records = field(repr=False)
    released: Mapping[str, str] = field(repr=False)
    certificate: Mapping[str, Any] | None = field(default=None, repr=False)
    audit: Mapping[str, Any] | None = field(default=None, repr=False)
    coverage: Mapping[str, Any] | None = field(default=None, repr=False)
    signed: Mapping[str, Any] | None = None
