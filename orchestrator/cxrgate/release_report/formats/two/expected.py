"""How many leaks are expected among the released images of this very set, and at most how many.

The set itself says how many images were removed. If each of them was a leak of one kind, and a leak of that kind passes
with a share of at most b, then for `removed` leaks that were caught

- removed * b / (1 - b) are expected to have passed: an estimate without bias, whatever the number of leaks was;
- at most M have passed, M being the largest number for which so few caught ones are no surprise: the probability that
  of M + removed leaks no more than `removed` are caught is above RISK. For any true number of leaks the number that
  passed exceeds M with a probability of at most RISK.

Where some of the removed images are something else, both numbers are too large, never too small. Both take it that
leaks pass independently of each other: a generator that repeats one image may have all of its repetitions pass.
Neither says anything of another kind of leak.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from scipy.stats import binom

from cxrgate.release_report.formats.one.leaks import LeakRow

RISK = 0.05
_ROUNDING = 1e-9
"""A probability that is RISK but for its rounding rules nothing out, on any machine."""


def expected_leaks(share: float, removed: int, released: int) -> tuple[float, int]:
    """How many leaks of one kind are expected among the released images, and the bound M on their number.

    Args:
        share: at most this share of such leaks passes.
        removed: images with a match, all taken for leaks of this kind.
        released: images that were; no more leaks than these can be among them.
    """
    if share >= 1:
        return float(released), released
    fewest, most = 0, released
    while fewest < most:  # the largest number that is not ruled out; the probability falls with it
        middle = (fewest + most + 1) // 2
        plausible = binom.cdf(removed, middle + removed, 1 - share) > RISK - _ROUNDING
        fewest, most = (middle, most) if plausible else (fewest, middle - 1)
    return min(removed * share / (1 - share), float(released)), fewest


def of_row(row: LeakRow, removed: int, released: int) -> dict[str, Any]:
    """Both numbers for the leaks of a row; the bound's confidence is that of the share less RISK."""
    expected, at_most = expected_leaks(row.at_most, removed, released)
    return {"expected": expected, "at_most": at_most, "confidence": row.confidence - RISK}


def false_flags(unenrolled: Mapping[str, Any] | None, images: pd.DataFrame) -> dict[str, Any] | None:
    """How many of the answered images would be removed even if none were a leak.

    Args:
        unenrolled: what the certificate found of patients who are not enrolled; None without.
        images: rows of the results.

    Returns:
        The answered images, and how many are expected to be removed: by the measured share and by its upper bound.
    """
    if unenrolled is None:
        return None
    answered = int((images["decision"] != "INDETERMINATE").sum())
    return {
        "answered": answered,
        "share": unenrolled["share"],
        "expected": answered * unenrolled["share"],
        "at_most": answered * unenrolled["upper"],
    }
