"""Sensitivity, specificity and copies caught, by group."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxrgate.core import Decision
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.evaluate.gating import GateAnswers
from cxrgate.evaluate.groups import groups
from cxrgate.planted.shares import of_patients, over_patients
from cxrgate.train import ListedImage
from cxrgate.train.pixels import numbers
from cxrgate.train.scoring.figures import Figure

FLAGGED = 0.05
"""Share of unenrolled patients that a measured threshold of a cosine space flags, at most."""

Bools = NDArray[np.bool_]


def measured_thresholds(unenrolled: pd.DataFrame) -> dict[str, float]:
    """By name the threshold of each cosine space that at most 5 % of all unenrolled patients exceed.

    One gate has one, whatever the group. NaN where none of them was judged.
    """
    judged = unenrolled[~unenrolled["failed"].astype(bool)]
    return {space.threshold: _exceeded(judged[space.similarity]) for space in COSINE_SPACES}


def _exceeded(similarities: pd.Series) -> float:
    found = sorted(similarities.tolist())
    return found[len(found) - 1 - math.floor(FLAGGED * len(found))] if found else math.nan


def gate_figures(
    answers: GateAnswers, sources: Sequence[str], thresholds: Mapping[str, float]
) -> dict[str, dict[str, Figure]]:
    """Shares with intervals, for each group of `sources`.

    sensitivity: other images of enrolled patients that are not released.
    specificity: images of unenrolled patients that are released.
    strangers_flagged: images of unenrolled patients above the threshold of a cosine space.
    medium_copy, strong_copy: copies above the threshold of a cosine space.
    medium_copy_gate, strong_copy_gate: copies that the whole gate does not release.
    """
    division = answers.division
    figures = {}
    for group, names in groups(sources).items():
        enrolled, others, unenrolled = (
            _among(listed_images, names) for listed_images in (division.enrolled, division.others, division.unenrolled)
        )
        released = _released(answers.unenrolled)[unenrolled]
        above = _above(answers.unenrolled, thresholds)[unenrolled]
        patients = numbers([listed_image.patient_id for listed_image in division.others])[others]
        figures[group] = {
            "sensitivity": over_patients(~_released(answers.others)[others], patients),
            "specificity": of_patients(released),
            "strangers_flagged": of_patients(above),
            **{name: of_patients(_above(found, thresholds)[enrolled]) for name, found in answers.copies.items()},
            **{f"{name}_gate": of_patients(~_released(found)[enrolled]) for name, found in answers.copies.items()},
        }
    return figures


def gate_counts(answers: GateAnswers, sources: Sequence[str]) -> dict[str, dict[str, int]]:
    """How many images of each group were enrolled and checked, and how many of those were INDETERMINATE."""
    division = answers.division
    counts = {}
    for group, names in groups(sources).items():
        enrolled, others, unenrolled = (
            _among(listed_images, names) for listed_images in (division.enrolled, division.others, division.unenrolled)
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


def _among(listed_images: Sequence[ListedImage], sources: Sequence[str]) -> Bools:
    return np.array([listed_image.source in sources for listed_image in listed_images], dtype=np.bool_)


def _released(table: pd.DataFrame) -> Bools:
    return (table["decision"] == Decision.ANONYMOUS).to_numpy(np.bool_)


def _indeterminate(table: pd.DataFrame) -> Bools:
    return (table["decision"] == Decision.INDETERMINATE).to_numpy(np.bool_)


def _above(table: pd.DataFrame, thresholds: Mapping[str, float]) -> Bools:
    """What the cosine spaces catch; an image without an answer, whose similarities are NaN, is not caught."""
    found = [table[space.similarity].to_numpy(np.float64) > thresholds[space.threshold] for space in COSINE_SPACES]
    return np.asarray(np.any(found, axis=0))
