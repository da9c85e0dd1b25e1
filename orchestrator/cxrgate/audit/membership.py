"""Membership inference by verdict: what somebody learns who sees of each image only whether it is released."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from cxrgate.core import Decision

FALSE_POSITIVES = 0.01


@dataclass(frozen=True, slots=True)
class Inference:
    """Rates of "not released" among patients who are enrolled and who are not.

    `tpr_at_fpr_1pct` is what an attacker reaches who may be wrong about 1 % of those who are not: a verdict has no
    threshold to move, so that he must guess among those it flags, or flag some of the others by chance.
    """

    members: int
    others: int
    tpr: float
    fpr: float
    tpr_at_fpr_1pct: float


def infer(members: pd.DataFrame, others: pd.DataFrame) -> Inference:
    """What the verdicts on images of enrolled patients and of others give away; one case per patient.

    Raises:
        ValueError: there are no members, or no others.
    """
    if not len(members) or not len(others):
        raise ValueError(f"expected members and others, got {len(members)} and {len(others)}")
    tpr, fpr = (float((table["decision"] != Decision.ANONYMOUS).mean()) for table in (members, others))
    return Inference(len(members), len(others), tpr, fpr, _at(tpr, fpr, FALSE_POSITIVES))


def _at(tpr: float, fpr: float, rate: float) -> float:
    """On the two straight lines from (0, 0) by (fpr, tpr) to (1, 1)."""
    if fpr > rate:
        return tpr * rate / fpr
    return tpr + (1 - tpr) * (rate - fpr) / (1 - fpr)
