"""The thresholds of an audit: as low as the limit on false flags allows."""

from __future__ import annotations

import pandas as pd

from cxrgate.core import UsageError
from cxrgate.core.spaces import IDENTITY_THRESHOLD, THRESHOLDS
from cxrgate.gate.config import PolicyConfig
from cxrgate.planted.bounds import upper_bound
from cxrgate.planted.missed import erred
from cxrgate.planted.threshold_path import HIGHEST, ThresholdPath

LIMIT = 0.10
"""Share of patients who are not enrolled that may be flagged or get no answer."""
RISK = 0.01
"""One-sided, of the limit being exceeded by patients in general. 1 % and not 5 %: what is reported is another sample of
about as many patients, whose share differs by sqrt(2) standard errors, and 1.645 sqrt(2) = 2.33 is the 1 % quantile."""


def choose_rule(clean: pd.DataFrame, rule: PolicyConfig, band: float) -> PolicyConfig:
    """The rule with the lowest thresholds of the path that keep the upper bound on the share of flags at LIMIT.

    Args:
        clean: cases of patients who are not enrolled, one each, decided by `nothing_matches`.
        rule: gives everything but the thresholds.
        band: of the gate that decided.

    Raises:
        UsageError: even the fewest flags exceed the limit: too few patients, or too wide a band.
    """
    path = ThresholdPath.of(clean, band)
    levels, lost = path.levels(clean), erred(clean)
    chosen: dict[str, float] = {}
    for step in range(1, len(path)):
        flagged = int(((levels <= step) | lost).sum())
        if upper_bound(flagged, len(clean), RISK) > LIMIT:
            break
        chosen = path.at(step)
    if not chosen:
        raise UsageError(
            f"give more patients to choose thresholds on, or models in a finer dtype: {len(clean)} cannot show "
            f"{LIMIT:.0%} of flags with a band of {band:g}"
        )
    return rule.model_copy(update={**chosen, "borderline": min(rule.borderline, chosen[IDENTITY_THRESHOLD])})


def nothing_matches(rule: PolicyConfig) -> PolicyConfig:
    """The rule with thresholds that nothing reaches but the very image, and what lies within the band of it."""
    return rule.model_copy(update=dict.fromkeys(THRESHOLDS, HIGHEST))
