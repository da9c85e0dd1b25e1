"""From what a configuration says and what a snapshot measured of itself to the numbers that decide."""

from __future__ import annotations

from typing import Any, Literal

from cxrgate.core import MismatchError
from cxrgate.core.promise import Promise
from cxrgate.core.spaces import COSINE_SPACES, CosineSpace
from cxrgate.gate.config import PolicyConfig
from cxrgate.index.self_measurement import MATCHES, RATES, Basis, OperatingPoint, SelfMeasurement

WIDER = 2
"""Pictures are listed for a look that would be flagged if so many times the promised share of patients might be."""

SCORE_THRESHOLD = 0.5
"""Of the same-patient score, where nothing was measured and the models ship no curve (Packhäuser et al. 2022)."""


def thresholds(rule: PolicyConfig, measurement: SelfMeasurement | None) -> dict[str, Any]:
    """The fields of a Policy that say what identity and copies are held against; `default` stays for a model's own.

    An explicit score_threshold wins; then standout_threshold; then false_flags. Where a snapshot could not be measured
    and the models ship no curve, the score is held against 0.5 and nothing is promised.

    Args:
        rule: as it was configured.
        measurement: of the snapshot, None for one of version 0.1.

    Raises:
        MismatchError: the rule asks for the standout, and the snapshot never measured itself.
    """
    if rule.score_threshold is not None:
        return _by_score(rule, rule.score_threshold, measurement)
    if measurement is None:
        raise MismatchError(
            "this snapshot was made by cxrgate 0.1 and does not know how many unenrolled patients it would flag: "
            "measure it with `cxrgate index measure`, or enrol again, or set `policy: {score_threshold: 0.5}`"
        )
    if measurement.basis is Basis.NOTHING:
        return _by_score(rule, SCORE_THRESHOLD, measurement)
    point = measurement.at(rule.false_flags)
    threshold = _standout_threshold(rule, point)
    return {
        "score_threshold": None,
        "standout_threshold": threshold,
        "standout": measurement.standout,
        **{space.threshold: _threshold(rule, space, point) for space in COSINE_SPACES},
        "borderline": min(rule.borderline, threshold),
        **_picture_borderlines(rule, measurement, point),
        "promise": _promise(rule, measurement),
        "match_threshold": _match_threshold(rule, point),
    }


def _by_score(rule: PolicyConfig, threshold: float, measurement: SelfMeasurement | None) -> dict[str, Any]:
    # The borderline only marks what is listed: a default one above the threshold is brought down to it.
    borderline = rule.borderline if "borderline" in rule.model_fields_set else min(rule.borderline, threshold)
    point = measurement.at(rule.false_flags) if measurement is not None and measurement.points else None
    matches = _match_threshold(rule, point)
    return {"score_threshold": threshold, "borderline": borderline, **_as_configured(rule), "match_threshold": matches}


def _match_threshold(rule: PolicyConfig, point: OperatingPoint | None) -> int | None:
    """As configured, or what the snapshot measured; MATCHES where it measured nothing."""
    if rule.match_threshold != "auto":
        return rule.match_threshold
    return MATCHES if point is None or point.matches is None else point.matches


def _as_configured(rule: PolicyConfig) -> dict[str, Any]:
    return {space.threshold: getattr(rule, space.threshold) for space in COSINE_SPACES}


def _threshold(rule: PolicyConfig, space: CosineSpace, point: OperatingPoint) -> float | None:
    """Of a cosine space: as configured, or what the snapshot measured for it."""
    configured: float | Literal["default"] | None = getattr(rule, space.threshold)
    return float(getattr(point, space.name)) if configured == "default" else configured


def _picture_borderlines(rule: PolicyConfig, measurement: SelfMeasurement, point: OperatingPoint) -> dict[str, Any]:
    """Of each cosine space that is searched: what would be its threshold at WIDER times the promised rate."""
    wider = measurement.at(min(WIDER * rule.false_flags, RATES[-1]))
    found = {}
    for space in COSINE_SPACES:
        if (threshold := _threshold(rule, space, point)) is not None:
            found[space.borderline] = min(threshold, float(getattr(wider, space.name)))
    return found


def _standout_threshold(rule: PolicyConfig, point: OperatingPoint) -> float:
    if rule.standout_threshold is not None:
        return rule.standout_threshold
    beside = (rule.match_threshold, *_as_configured(rule).values())
    return point.standout if any(value is not None for value in beside) else point.standout_alone


def _promise(rule: PolicyConfig, measurement: SelfMeasurement) -> Promise | None:
    """Nothing is promised where a threshold was set by hand."""
    by_hand = (rule.standout_threshold, rule.match_threshold, *_as_configured(rule).values())
    if any(isinstance(value, int | float) for value in by_hand):
        return None
    return measurement.promise(rule.false_flags)
