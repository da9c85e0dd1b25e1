"""Sensitivity, specificity and copies caught, by group."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxrgate.core import Decision
from cxrgate.evaluate.gating import GateAnswers
from cxrgate.evaluate.groups import groups
from cxrgate.planted.shares import of_patients, over_patients
from cxrgate.train import Sample
from cxrgate.train.pixels import numbers
from cxrgate.train.scoring.figures import Figure

FLAGGED = 0.05
"""Share of unenrolled patients that the measured copy threshold flags, at most."""

Bools = NDArray[np.bool_]


def copy_threshold(unenrolled: pd.DataFrame) -> float:
    """The copy similarity that at most 5 % of all unenrolled patients exceed: one gate has one, whatever the group.

    NaN where none of them was judged.
    """
    found = sorted(unenrolled.loc[~unenrolled["failed"].astype(bool), "similarity"].tolist())
    return found[len(found) - 1 - math.floor(FLAGGED * len(found))] if found else math.nan


def gate_figures(answers: GateAnswers, sources: Sequence[str], threshold: float) -> dict[str, dict[str, Figure]]:
    """Shares with intervals, for each group of `sources`.

    sensitivity: other images of enrolled patients that are not released.
    specificity: images of unenrolled patients that are released.
    strangers_flagged: images of unenrolled patients above `threshold` in the copy space.
    medium_copy, strong_copy: copies above `threshold` in the copy space.
    medium_copy_gate, strong_copy_gate: copies that the whole gate does not release.
    """
    division = answers.division
    figures = {}
    for group, names in groups(sources).items():
        enrolled, others, unenrolled = (
            _among(samples, names) for samples in (division.enrolled, division.others, division.unenrolled)
        )
        released = _released(answers.unenrolled)[unenrolled]
        above = _above(answers.unenrolled, threshold)[unenrolled]
        patients = numbers([sample.patient_id for sample in division.others])[others]
        figures[group] = {
            "sensitivity": over_patients(~_released(answers.others)[others], patients),
            "specificity": of_patients(released),
            "strangers_flagged": of_patients(above),
            **{name: of_patients(_above(found, threshold)[enrolled]) for name, found in answers.copies.items()},
            **{f"{name}_gate": of_patients(~_released(found)[enrolled]) for name, found in answers.copies.items()},
        }
    return figures


def gate_counts(answers: GateAnswers, sources: Sequence[str]) -> dict[str, dict[str, int]]:
    """How many images of each group were enrolled and checked, and how many of those were INDETERMINATE."""
    division = answers.division
    counts = {}
    for group, names in groups(sources).items():
        enrolled, others, unenrolled = (
            _among(samples, names) for samples in (division.enrolled, division.others, division.unenrolled)
        )
        counts[group] = {
            "enrolled": int(enrolled.sum()),
            "others": int(others.sum()),
            "others_indeterminate": int(_indeterminate(answers.others)[others].sum()),
            "strangers": int(unenrolled.sum()),
            "strangers_indeterminate": int(_indeterminate(answers.unenrolled)[unenrolled].sum()),
            **{
                f"{name}_indeterminate": int(_indeterminate(found)[enrolled].sum())
                for name, found in answers.copies.items()
            },
        }
    return counts


def _among(samples: Sequence[Sample], sources: Sequence[str]) -> Bools:
    return np.array([sample.source in sources for sample in samples], dtype=np.bool_)


def _released(table: pd.DataFrame) -> Bools:
    return (table["decision"] == Decision.ANONYMOUS).to_numpy(np.bool_)


def _indeterminate(table: pd.DataFrame) -> Bools:
    return (table["decision"] == Decision.INDETERMINATE).to_numpy(np.bool_)


def _above(table: pd.DataFrame, threshold: float) -> Bools:
    """What the copy space catches; an image without an answer, whose similarity is NaN, is not caught."""
    return np.asarray(table["similarity"].to_numpy(np.float64) > threshold)
