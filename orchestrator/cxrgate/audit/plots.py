"""The plots of an audit: distributions with thresholds, the gate's ROC, bounds against the number of patients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxrgate.core import Decision, Policy
from cxrgate.core.spaces import CHOSEN, HELD_AGAINST, STANDOUT_THRESHOLD
from cxrgate.index.self_measurement import OperatingPoint
from cxrgate.planted.bounds import upper_bound
from cxrgate.planted.cases import CaseKind
from cxrgate.planted.classes.catalogue import GENERATED, SAME_PATIENT
from cxrgate.planted.figures import ANY, RISK, Row
from cxrgate.planted.missed import counted, erred
from cxrgate.plots.plot import Axis, Plot, Series, plot

BINS = 40
SHOWN = {
    "medium_copy": "medium copies",
    "strong_copy": "strong copies",
    GENERATED: "generated",
    SAME_PATIENT: "another radiograph",
}
"""The classes that plots show by themselves."""
MOST_FLAGGED = 0.3
"""Share of unenrolled patients up to which the ROC is drawn: no gate is used beyond."""
MISSES = (0, 1, 3, 10)
_PATIENTS = (10, 100, 1000, 10_000)
_SHARES = (0.01, 0.1, 1.0)
_RATES = (0.001, 0.01, 0.1, 1.0)


def plots(
    cases: pd.DataFrame, policy: Policy, points: Sequence[OperatingPoint], rows: Sequence[Row]
) -> tuple[Plot, ...]:
    """All of them; no ROC without points.

    Args:
        cases: the test part.
        policy: of the gate that decided.
        points: the thresholds that the snapshot measured for other false-flag rates.
        rows: see planted.figures.leak_rows.
    """
    identity = ("score", "Same-patient score") if policy.standout is None else ("standout", "Standout")
    return (
        _distribution(cases, *identity, policy.identity_threshold),
        *(_distribution(cases, space.similarity, space.title, policy.threshold(space)) for space in policy.searched),
        *([_roc(cases, policy, points)] if points else []),
        _bounds(rows),
    )


def _distribution(cases: pd.DataFrame, column: str, title: str, threshold: float) -> Plot:
    low = 0.0 if column in {"score", "standout"} else min(0.5, float(np.floor(10 * cases[column].quantile(0.01)) / 10))
    edges = np.linspace(low, 1, BINS + 1)
    named = {"patients who are not enrolled": cases[cases["kind"] == CaseKind.UNENROLLED], **_shown(cases)}
    found = {name: _shares(part[column].dropna().to_numpy(np.float64), edges) for name, part in named.items()}
    series = [
        Series(name, _steps(edges, shares), look, "line" if look else "area")
        for look, (name, shares) in enumerate(found.items())
    ]
    return plot(
        title,
        "What lies right of the threshold is not released; leaks left of both are.",
        Axis("highest among the candidates", low, 1, _even(low, 1)),
        # Logarithmic: near-copies pile up in one bin, what decides lies in the tails.
        Axis("share of cases per bin", _SHARES[0] / 2, 1, _SHARES, logarithmic=True, percent=True),
        series,
        [(threshold, f"threshold {threshold:.3f}")],
    )


def _shown(cases: pd.DataFrame) -> dict[str, pd.DataFrame]:
    named = {name: cases[cases["leak_class"] == leak_class] for leak_class, name in SHOWN.items()}
    return {name: counted(part) for name, part in named.items() if len(part)}


def _shares(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    counts = np.histogram(values.clip(edges[0], edges[-1]), edges)[0]
    return np.asarray(counts / max(len(values), 1))


def _steps(edges: NDArray[np.float64], shares: NDArray[np.float64]) -> list[tuple[float, float]]:
    """The outline of a histogram."""
    return [point for bin_, share in enumerate(shares) for point in ((edges[bin_], share), (edges[bin_ + 1], share))]


def _even(low: float, high: float) -> list[float]:
    return [round(float(value), 10) for value in np.linspace(low, high, 6)]


def _roc(cases: pd.DataFrame, policy: Policy, points: Sequence[OperatingPoint]) -> Plot:
    unenrolled = cases[cases["kind"] == CaseKind.UNENROLLED]
    measured = [_at(point, policy) for point in points]
    flagged = [_stopped(unenrolled, thresholds, policy.band) for thresholds in measured]
    kept = [(share, at) for share, at in zip(flagged, measured, strict=True) if share <= MOST_FLAGGED]
    series = [
        Series(name, [(share, _stopped(part, at, policy.band)) for share, at in kept], look)
        for look, (name, part) in enumerate(_shown(cases).items(), 1)
    ]
    own = {name: value for name in CHOSEN if (value := getattr(policy, name)) is not None}
    at = _stopped(unenrolled, own, policy.band)
    return plot(
        "Leaks stopped against false flags",
        "The whole gate, with the thresholds that the index measured for itself at each promised rate.",
        Axis("patients not enrolled who are not released", 0, MOST_FLAGGED, _even(0, MOST_FLAGGED), percent=True),
        Axis("leaks that are not released", 0, 1, _even(0, 1), percent=True),
        series,
        [(at, "this gate")],
    )


def _at(point: OperatingPoint, policy: Policy) -> dict[str, float]:
    """The thresholds that a policy of the same spaces has at another rate."""
    cosines = {space.threshold: float(getattr(point, space.name)) for space in policy.searched}
    return {STANDOUT_THRESHOLD: point.standout if cosines else point.standout_alone, **cosines}


def _stopped(cases: pd.DataFrame, thresholds: Mapping[str, float], band: float) -> float:
    """The share of cases that is not released; a leak that ended in an error counts as released."""
    lost = (
        (cases["decision"] == Decision.INDETERMINATE) & ~(erred(cases) & (cases["kind"] == CaseKind.LEAK))
    ).to_numpy(bool)
    reached = (
        cases[HELD_AGAINST[name]].fillna(-1).to_numpy(np.float64) >= least - band for name, least in thresholds.items()
    )
    return float(np.any([lost, *reached], axis=0).mean())


def _bounds(rows: Sequence[Row]) -> Plot:
    counts = np.unique(np.geomspace(_PATIENTS[0], _PATIENTS[-1], 80).astype(int))
    lines = [
        Series(_misses(misses), [(int(n), upper_bound(misses, int(n), RISK)) for n in counts if n > misses], look)
        for look, misses in enumerate(MISSES, 1)
    ]
    return plot(
        "What so many patients can show",
        "Upper bound on the share of leaks that pass (one-sided, 95 %). Dots: the classes of this audit.",
        Axis("patients", _PATIENTS[0], _PATIENTS[-1], _PATIENTS, logarithmic=True),
        Axis("at most so many pass", _RATES[0], _RATES[-1], _RATES, logarithmic=True, percent=True),
        [*lines, Series("this audit", list(_measured(rows)), 0, "dots")],
    )


def _misses(count: int) -> str:
    return {0: "no miss", 1: "1 miss"}.get(count, f"{count} misses")


def _measured(rows: Sequence[Row]) -> Iterator[tuple[float, float]]:
    for row in rows:
        if row.strength == ANY and row.share.lower_95 is not None:
            yield row.share.n, 1 - row.share.lower_95
