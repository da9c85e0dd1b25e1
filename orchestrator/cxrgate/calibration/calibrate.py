"""Thresholds with a guarantee: Learn-then-Test (Angelopoulos et al. 2021) along one path, on patients.

Along the path misses only fall, so for each certified pair there is a first step from which on the upper bound of
Clopper and Pearson keeps the allowed rate. The latest of these steps meets all pairs with the fewest flags: that is
what is chosen, unless it flags more patients who are not enrolled than is allowed. Every pair takes its share of the
risk, so that with the confidence asked for no promised rate is broken at all. `missed` says what is missed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxrgate.calibration.findings import LeakFinding, UnenrolledFinding, find, find_unenrolled, worst_levels
from cxrgate.calibration.leak_policy import CertifiedPair, LeakPolicy
from cxrgate.core import UsageError
from cxrgate.core.spaces import THRESHOLDS
from cxrgate.planted.bounds import allowed_misses, patients_needed
from cxrgate.planted.cases import CaseKind
from cxrgate.planted.missed import erred
from cxrgate.planted.threshold_path import ThresholdPath


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the recorded cases allow to promise.

    Attributes:
        thresholds: by name as in core.spaces.CHOSEN, chosen, or where nothing can be certified the lowest that the
            limit on false flags allows; None where the gate does not search the space.
        certified: the pairs of the policy.
        measured: every other pair; each bound holds by itself.
        unenrolled: patients who are not enrolled.
        worst_patient: the most leaks of one patient that would have been released, of all classes.
        refusals: why nothing is certified; empty where all pairs are met.
    """

    thresholds: Mapping[str, float | None]
    certified: Sequence[LeakFinding] = field(repr=False)
    measured: Sequence[LeakFinding] = field(repr=False)
    unenrolled: UnenrolledFinding
    worst_patient: int
    refusals: Sequence[str]


def calibrate(cases: pd.DataFrame, policy: LeakPolicy, band: float, names: Collection[str] = THRESHOLDS) -> Calibration:
    """Choose thresholds and count. Equal cases in any order give equal results.

    Args:
        cases: see cases.check_cases, decided by the highest thresholds.
        policy: what is to be promised.
        band: of the gate that decided.
        names: of the thresholds that the gate has.

    Raises:
        UsageError: a certified pair, or patients who are not enrolled, are not among the cases.
    """
    drawing, _ = _divide_clean(cases)
    path = ThresholdPath.of(drawing, band, names)
    if len(path) < 2:
        raise UsageError(
            "the listing has too few patients who are not enrolled to draw the path of thresholds by: give more"
        )
    return _along(path, cases, policy)


def retest(cases: pd.DataFrame, policy: LeakPolicy, band: float, thresholds: Mapping[str, float | None]) -> Calibration:
    """Count at thresholds that were chosen before; nothing is chosen. Errors and the rest as `calibrate`."""
    return _along(ThresholdPath.at_one(thresholds, band), cases, policy)


def _along(path: ThresholdPath, cases: pd.DataFrame, policy: LeakPolicy) -> Calibration:
    drawing, measuring = _divide_clean(cases)
    levels = _unenrolled_levels(path, measuring)
    if not len(levels):
        raise UsageError("the listing has too few patients who are not enrolled to measure false flags on: give more")
    pairs = {pair: _of_pair(cases, pair) for pair in policy.certified}
    limit = _last_step_within(levels, policy.false_flags, len(path))
    steps = {pair: first_step(worst_levels(path, rows), pair.rate, policy.risk) for pair, rows in pairs.items()}
    chosen = max((step for step in steps.values() if step is not None), default=0)
    refusals = [
        text for pair, rows in pairs.items() if (text := _refusal(path, levels, pair, rows, steps[pair], limit, policy))
    ]
    step = max(limit, 0) if refusals else chosen
    return Calibration(
        thresholds={**dict.fromkeys(THRESHOLDS), **path.at(step)},
        certified=[find(path, rows, step, policy.risk, pair.rate) for pair, rows in pairs.items()],
        measured=_measured(path, cases, pairs, step, 1 - policy.confidence),
        unenrolled=find_unenrolled(levels, step, len(drawing), 1 - policy.confidence),
        worst_patient=_worst_patient(path, cases, step),
        refusals=refusals,
    )


def makes_the_path(patient: str) -> bool:
    """Whether a patient who is not enrolled helps to draw the path, or else is measured; half of them, by a hash."""
    return sha256(f"threshold path:{patient}".encode()).digest()[0] % 2 == 0


def first_step(levels: NDArray[np.int64], rate: float, risk: float) -> int | None:
    """The first step from which on the upper bound on the share of misses is at most `rate`.

    Args:
        levels: the first step that catches each patient, int64[n].
        rate: of misses that is allowed.
        risk: of the bound.

    Returns:
        The step, which may lie behind the end of the path; None where there are too few patients for any.
    """
    allowed = allowed_misses(len(levels), rate, risk)
    return None if allowed < 0 else int(np.sort(levels)[len(levels) - 1 - allowed])


def _divide_clean(cases: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cases of patients who are not enrolled: those that draw the path, and those that are measured along it."""
    unenrolled = cases[cases["kind"] == CaseKind.UNENROLLED]
    draws = np.array([makes_the_path(patient) for patient in unenrolled["patient"]], dtype=bool)
    return unenrolled[draws], unenrolled[~draws]


def _worst_patient(path: ThresholdPath, cases: pd.DataFrame, step: int) -> int:
    leaks = cases[cases["kind"] == CaseKind.LEAK]
    return max(leaks.loc[path.levels(leaks) > step, "patient"].value_counts().tolist(), default=0)


def _unenrolled_levels(path: ThresholdPath, unenrolled: pd.DataFrame) -> NDArray[np.int64]:
    """The first step that flags each patient; 0 where there is no answer, which is no release either."""
    levels = pd.Series(np.where(erred(unenrolled), 0, path.levels(unenrolled)), index=unenrolled["patient"].to_numpy())
    return np.asarray(levels.groupby(level=0).min(), dtype=np.int64)


def _last_step_within(levels: NDArray[np.int64], share: float, steps: int) -> int:
    """The last step that flags at most that share; -1 where the first one flags more."""
    flagged = np.searchsorted(np.sort(levels), np.arange(steps), side="right") / len(levels)
    return int(np.searchsorted(flagged, share, side="right")) - 1


def _of_pair(cases: pd.DataFrame, pair: CertifiedPair) -> pd.DataFrame:
    rows = cases[(cases["leak_class"] == pair.leak_class) & (cases["strength"] == pair.strength)]
    rows = rows[rows["kind"] == CaseKind.LEAK]
    if rows.empty:
        raise UsageError(f"no case of the certified pair {pair.name} was recorded: record the cases anew")
    return rows


def _refusal(
    path: ThresholdPath,
    levels: NDArray[np.int64],
    pair: CertifiedPair,
    rows: pd.DataFrame,
    step: int | None,
    limit: int,
    policy: LeakPolicy,
) -> str:
    """Why the pair cannot be certified; "" where it can."""
    found = find(path, rows, max(limit, 0), policy.risk, pair.rate)
    if step is None:
        missing = patients_needed(pair.rate, policy.risk) - found.patients
        return f"{pair.name}: {missing} more patients are needed to show a rate of {pair.rate:.2%}, even with no miss"
    if step <= limit:
        return ""
    within = f"within the limit {found.misses} of {found.patients} are missed, which shows {found.upper:.2%}"
    if step >= len(path):
        return f"{pair.name}: no thresholds show a rate of {pair.rate:.2%}; {within}"
    share = find_unenrolled(levels, step, 0, policy.risk).share
    return (
        f"{pair.name} conflicts with the limit on false flags: a rate of {pair.rate:.2%} takes thresholds that flag "
        f"{share:.1%} of patients who are not enrolled, {policy.false_flags:.1%} are allowed; {within}"
    )


def _measured(
    path: ThresholdPath, cases: pd.DataFrame, pairs: dict[CertifiedPair, pd.DataFrame], step: int, risk: float
) -> list[LeakFinding]:
    certified = {(pair.leak_class, pair.strength) for pair in pairs}
    leaks = cases[cases["kind"] == CaseKind.LEAK]
    groups = leaks.groupby(["leak_class", "strength"], sort=True)
    return [find(path, rows, step, risk) for name, rows in groups if name not in certified]
