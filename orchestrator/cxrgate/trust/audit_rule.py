"""The thresholds of an audit: as low as the limit on false flags allows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxrgate.core import Decision, UsageError
from cxrgate.gate import Rule
from cxrgate.trust.bounds import upper_bound

LIMIT = 0.10
"""Share of patients who are not enrolled that may be flagged or get no answer."""
RISK = 0.05
"""One-sided: the limit is kept for other patients too with this risk of being wrong, and not just on these."""


def choose_rule(clean: pd.DataFrame, rule: Rule) -> Rule:
    """The rule with thresholds chosen on clean patients.

    Both questions may flag the same number of patients, and as many as keep the upper bound on the share that is
    flagged by either, or gets no answer, at LIMIT.

    Args:
        clean: cases of patients who are not enrolled, one each, see cases.check_cases.
            They must have been decided by `nothing_matches`.
        rule: gives everything but the thresholds.

    Raises:
        UsageError: too few patients: even the fewest flags exceed the limit.
    """
    lost = (clean["decision"] == Decision.INDETERMINATE).to_numpy()
    scores, similarities = (clean[name].fillna(-1).to_numpy(np.float64) for name in ("score", "similarity"))
    chosen = None
    for count in range(1, len(clean) + 1):
        score, similarity = _highest(scores, count), _highest(similarities, count)
        flagged = int((lost | (scores >= score) | (similarities >= similarity)).sum())
        if upper_bound(flagged, len(clean), RISK) > LIMIT or min(score, similarity) <= 0:
            break
        chosen = score, similarity
    if chosen is None:
        raise UsageError(
            f"expected more patients to choose thresholds on, {len(clean)} cannot show {LIMIT:.0%} of flags"
        )
    score, similarity = chosen
    update = {"score_threshold": score, "copy_threshold": similarity, "borderline": min(rule.borderline, score)}
    return rule.model_copy(update=update)


def nothing_matches(rule: Rule) -> Rule:
    """The rule with thresholds that nothing but the very image reaches: so every case without an answer shows."""
    return rule.model_copy(update={"score_threshold": 1.0, "copy_threshold": 1.0})


def _highest(values: NDArray[np.float64], count: int) -> float:
    """The largest number that `count` values reach, at most 1."""
    return float(min(np.sort(values)[len(values) - count], 1.0))
