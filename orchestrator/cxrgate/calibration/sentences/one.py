"""The sentences of format 1, which those of format 2 begin and end with; frozen."""

from __future__ import annotations

from collections.abc import Iterable

from cxrgate.calibration.findings import LeakFinding

NOTHING_ELSE = "Nothing is promised of other classes, of images made to deceive, and of other populations."


def promised(certified: Iterable[LeakFinding], confidence: float) -> list[str]:
    """The promise, pair by pair.

    What is promised is the allowed rate: the bound of the counts, which is lower, is for thresholds that were not
    chosen on these counts.
    """
    pairs = [
        f"At most {found.rate:.2%} of patients' leaks of the class {found.leak_class}, {found.strength} pass "
        f"({found.misses} of {found.patients} did)."
        for found in certified
    ]
    return [
        *pairs,
        f"All of these hold with a confidence of {confidence:.1%}, for patients like those of the calibration.",
    ]


def generated(*, certified: bool, measured: bool) -> list[str]:
    """What is not promised of the leaks that matter most."""
    if certified:
        return []
    told = "Measured, and not promised" if measured else "Not measured"
    return [f"{told}: near-duplicates made by a generator."]
