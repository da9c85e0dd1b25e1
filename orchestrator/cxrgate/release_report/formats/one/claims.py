"""The sentences of format 1; frozen, see formats."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cxrgate.release_report.formats.one.leaks import ANY, LeakRow

NOT_COVERED = "Not certified for generator-made near-duplicates."
BY_NAME = (
    "Images were compared by name, not by content: one that was exchanged under its name since counts as enrolled."
)
"""What a coverage cannot tell that compares names."""


def claims(
    released: int,
    images: int,
    references: int,
    certified: Sequence[LeakRow] | None,
    audited: Iterable[LeakRow],
    coverage: Mapping[str, Any] | None,
) -> Iterator[str]:
    """What may be said of a release.

    Args:
        released: images that were.
        images: that were checked.
        references: that they were held against.
        certified: rows of the certificate; None without one.
        audited: rows of the audit.
        coverage: the fields of a Coverage; None where no training manifest was given.
    """
    yield f"No match found: {released:,} of {images:,} images are released, held against {references:,} references."
    if certified is None:
        yield "Uncertified: no bound on missed leaks is promised for this gate."
    promised = [row for row in certified or () if row.promised is not None]
    yield from (f"Certified: {bound(row)} for all certified classes together." for row in promised)
    yield from (
        f"Measured, nothing promised: {bound(row)} for this class alone." for row in audited if row.strength == ANY
    )
    if not any(row.leak_class == "generated" for row in promised):
        yield NOT_COVERED
    yield covered(coverage)
    if coverage is not None:
        yield BY_NAME


def bound(row: LeakRow) -> str:
    """One row as a sentence without its end."""
    strength = "" if row.strength == ANY else f" ({row.strength})"
    return (
        f"at most {percent_up(row.at_most)} of leaks of class {row.leak_class}{strength} pass; {row.misses} of "
        f"{row.patients} patients missed, {row.confidence * 100:.4g} % confidence"
    )


def percent_up(share: float) -> str:
    """A share in per cent with one decimal, rounded up: a bound is never told smaller than it is."""
    return f"{math.ceil(share * 1000 - 1e-9) / 10:.1f} %"


def covered(coverage: Mapping[str, Any] | None) -> str:
    """How much of what the generator was trained on is enrolled."""
    if coverage is None:
        return "No training manifest of the generator was given: how much of it is enrolled is not known."
    enrolled, listed = coverage["enrolled"], coverage["listed"]
    told = f"{enrolled:,} of {listed:,} images that the generator was trained on are enrolled"
    return f"{told}; of the {listed - enrolled:,} others nothing is known." if listed > enrolled else f"{told}."
