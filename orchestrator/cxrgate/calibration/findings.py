"""What cases say at one step of the path: counts and bounds per leak class and strength, by patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxrgate.planted.bounds import upper_bound
from cxrgate.planted.missed import counted, erred
from cxrgate.planted.threshold_path import ThresholdPath


@dataclass(frozen=True, slots=True)
class LeakFinding:
    """A leak class at a strength.

    Attributes:
        leak_class: see leaks.CLASSES.
        strength: within the class.
        rate: the share of misses that is allowed; None where nothing is promised.
        patients: each counts once, by the worst of its variants that count; see `missed`.
        misses: patients of whom a variant would have been released, or ended in an error.
        errors: patients of whom a variant did; they are among the misses.
        refused: patients of whom a variant was refused by the gate as an image. They are among the patients where the
            gate judged none of the class and strength, and are not where it judged others.
        upper: bound on the share of misses, for thresholds that were not chosen on these very counts.
        risk: of the bound being wrong.
    """

    leak_class: str
    strength: str
    rate: float | None
    patients: int
    misses: int
    errors: int
    refused: int
    upper: float
    risk: float


@dataclass(frozen=True, slots=True)
class UnenrolledFinding:
    """Patients who are not enrolled, without those that made the path; one without an answer counts as flagged."""

    patients: int
    flagged: int
    share: float
    upper: float
    path_patients: int


def worst_levels(path: ThresholdPath, cases: pd.DataFrame) -> NDArray[np.int64]:
    """The first step at which no variant of a patient that counts is missed, int64[patients].

    Args:
        path: of the thresholds.
        cases: of one class at one strength.
    """
    cases = counted(cases)
    levels = pd.Series(path.levels(cases), index=cases["patient"].to_numpy())
    return np.asarray(levels.groupby(level=0).max(), dtype=np.int64)


def find(path: ThresholdPath, cases: pd.DataFrame, step: int, risk: float, rate: float | None = None) -> LeakFinding:
    """The finding of one class at one strength; `cases` holds no other."""
    levels = worst_levels(path, cases)
    misses, patients = int((levels > step).sum()), len(levels)
    errors, refused = (int(cases.loc[which, "patient"].nunique()) for which in (erred(cases), cases["refused"]))
    named = str(cases["leak_class"].iloc[0]), str(cases["strength"].iloc[0])
    return LeakFinding(*named, rate, patients, misses, errors, refused, upper_bound(misses, patients, risk), risk)


def find_unenrolled(levels: NDArray[np.int64], step: int, path_patients: int, risk: float) -> UnenrolledFinding:
    """The finding of unenrolled patients, from their levels int64[n]."""
    flagged, patients = int((levels <= step).sum()), len(levels)
    share = flagged / patients if patients else 1.0
    return UnenrolledFinding(patients, flagged, share, upper_bound(flagged, patients, risk), path_patients)
