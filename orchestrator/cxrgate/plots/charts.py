"""The histograms of the page: which values, against which thresholds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxrgate.core import Policy
from cxrgate.core.spaces import COSINE_SPACES, SIMILARITIES, CosineSpace
from cxrgate.plots.histogram import Histogram, Mark, Region, Zone, histogram

_RULE = "Images at or above the threshold are removed; borderline ones are listed unless something else stops them."


@dataclass(frozen=True, slots=True)
class Chart:
    """A histogram, its name, what the axis measures, and what its thresholds do."""

    name: str
    axis: str
    rule: str
    histogram: Histogram


def charts(images: pd.DataFrame, policy: Policy) -> tuple[Chart, ...]:
    """Draw the columns of `results.parquet`; a zone begins a band below its threshold, as the policy decides.

    Frontality is drawn where the policy holds images against it.
    """
    names = ("score", *SIMILARITIES, "distance", "typicality", "frontality")
    values = {name: images[name].to_numpy(np.float64) for name in names}
    drawn = (
        *(() if policy.standout is None else (_standout(images["standout"].to_numpy(np.float64), policy),)),
        _score(values["score"], policy),
        *(_similarity(values[space.similarity], policy, space) for space in COSINE_SPACES),
        _distance(values["distance"]),
        _typicality(values["typicality"], policy),
    )
    least = policy.minimum_frontality
    return drawn if least is None else (*drawn, _frontality(values["frontality"], least, policy.band))


def _standout(values: NDArray[np.float64], policy: Policy) -> Chart:
    name, axis = "Standout", "how far the best candidate's patient stands out"
    return Chart(name, axis, _RULE, _graded(values, policy))


def _score(values: NDArray[np.float64], policy: Policy) -> Chart:
    name, axis = "Same-patient score", "highest score among the candidates"
    if policy.score_threshold is None:
        drawn = histogram(values, 1, [Region(Zone.CLEAR, 0, "measured")])
        return Chart(name, axis, "Recorded only: the standout decides.", drawn)
    return Chart(name, axis, _RULE, _graded(values, policy))


def _graded(values: NDArray[np.float64], policy: Policy) -> Histogram:
    """The number that decides whether it is the same patient."""
    threshold = policy.identity_threshold
    regions = [
        Region(Zone.CLEAR, 0, "below"),
        Region(Zone.BORDERLINE, max(policy.borderline - policy.band, 0), "borderline"),
        Region(Zone.MATCH, max(threshold - policy.band, 0), "at or above the threshold"),
    ]
    marks = [Mark(threshold, f"threshold {threshold:g}"), Mark(policy.borderline, f"borderline {policy.borderline:g}")]
    return histogram(values, 1, regions, marks)


def _similarity(values: NDArray[np.float64], policy: Policy, space: CosineSpace) -> Chart:
    threshold = policy.threshold(space) if space in policy.searched else None
    low = _floor(values, [] if threshold is None else [threshold - policy.band])
    regions, marks, rule = (
        [Region(Zone.CLEAR, low, "below")],
        [],
        f"Recorded only: this policy has no {space.match} threshold.",
    )
    if threshold is not None:
        regions.append(Region(Zone.MATCH, threshold - policy.band, "at or above the threshold"))
        marks.append(Mark(threshold, f"threshold {threshold:g}"))
        rule = "Images at or above the threshold are removed."
    return Chart(space.title, "highest cosine among the candidates", rule, histogram(values, 1, regions, marks))


def _distance(values: NDArray[np.float64]) -> Chart:
    largest = float(values[np.isfinite(values)].max(initial=0)) or 1.0
    rule = "No threshold: distance selects the candidates, it does not decide."
    drawn = histogram(values, largest, [Region(Zone.CLEAR, 0, "measured")])
    return Chart("Identity distance", "Euclidean, to the nearest reference", rule, drawn)


def _typicality(values: NDArray[np.float64], policy: Policy) -> Chart:
    threshold = policy.minimum_typicality
    low = min(_floor(values, [threshold]), threshold)
    regions = [
        Region(Zone.ATYPICAL, low, "below the minimum"),
        Region(Zone.CLEAR, min(threshold + policy.band, 1), "at or above the minimum"),
    ]
    rule = "Images below the minimum are no radiograph of the enrolled kind: they get no answer."
    drawn = histogram(values, 1, regions, [Mark(threshold, f"minimum {threshold:g}")])
    return Chart("Typicality", "cosine with the mean layout of the references", rule, drawn)


def _frontality(values: NDArray[np.float64], threshold: float, band: float) -> Chart:
    regions = [
        Region(Zone.ATYPICAL, 0, "below the minimum"),
        Region(Zone.CLEAR, min(threshold + band, 1), "at or above the minimum"),
    ]
    rule = "Images below the minimum are no frontal chest radiograph: they get no answer."
    drawn = histogram(values, 1, regions, [Mark(threshold, f"minimum {threshold:g}")])
    return Chart("Frontality", "how surely a frontal chest radiograph", rule, drawn)


def _floor(values: NDArray[np.float64], others: list[float]) -> float:
    """Where a cosine's axis begins: the tenth below everything on it, and at most 0.9."""
    valid = values[np.isfinite(values) & (values >= -1)]
    smallest = min([float(valid.min(initial=0.9)), *others])
    return max(math.floor(smallest * 10 - 1e-9) / 10, -1.0)
