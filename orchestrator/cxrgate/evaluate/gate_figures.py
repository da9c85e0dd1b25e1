"""Sensitivity, specificity and copies caught, by group."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import Decision, Outcome, Verdict
from cxrgate.evaluate.gating import Outcomes
from cxrgate.evaluate.groups import groups
from cxrgate.planted.shares import of_patients, over_patients
from cxrgate.train import Sample
from cxrgate.train.pixels import numbers
from cxrgate.train.scoring.figures import Figure

FLAGGED = 0.05
"""Share of strangers that the measured copy threshold flags, at most."""

Bools = NDArray[np.bool_]


def copy_threshold(strangers: Sequence[Outcome]) -> float:
    """The copy similarity that at most 5 % of all strangers exceed: one gate has one threshold, whatever the group.

    NaN where no stranger was judged.
    """
    found = sorted(outcome.similarity for outcome in strangers if isinstance(outcome, Verdict))
    return found[len(found) - 1 - math.floor(FLAGGED * len(found))] if found else math.nan


def gate_figures(outcomes: Outcomes, sources: Sequence[str], threshold: float) -> dict[str, dict[str, Figure]]:
    """Shares with intervals, for each group of `sources`.

    sensitivity: other images of enrolled patients that are not released.
    specificity: images of strangers that are released.
    strangers_flagged: images of strangers above `threshold` in the copy space.
    medium_copy, strong_copy: copies above `threshold` in the copy space.
    medium_copy_gate, strong_copy_gate: copies that the whole gate does not release.
    """
    division = outcomes.division
    figures = {}
    for group, names in groups(sources).items():
        enrolled, others, strangers = (
            _among(samples, names) for samples in (division.enrolled, division.others, division.strangers)
        )
        released, above = _released(outcomes.strangers)[strangers], _above(outcomes.strangers, threshold)[strangers]
        patients = numbers([sample.patient_id for sample in division.others])[others]
        figures[group] = {
            "sensitivity": over_patients(~_released(outcomes.others)[others], patients),
            "specificity": of_patients(released),
            "strangers_flagged": of_patients(above),
            **{name: of_patients(_above(found, threshold)[enrolled]) for name, found in outcomes.copies.items()},
            **{f"{name}_gate": of_patients(~_released(found)[enrolled]) for name, found in outcomes.copies.items()},
        }
    return figures


def gate_counts(outcomes: Outcomes, sources: Sequence[str]) -> dict[str, dict[str, int]]:
    """How many images of each group were enrolled and checked, and how many of those were INDETERMINATE."""
    division = outcomes.division
    counts = {}
    for group, names in groups(sources).items():
        enrolled, others, strangers = (
            _among(samples, names) for samples in (division.enrolled, division.others, division.strangers)
        )
        counts[group] = {
            "enrolled": int(enrolled.sum()),
            "others": int(others.sum()),
            "others_indeterminate": int(_indeterminate(outcomes.others)[others].sum()),
            "strangers": int(strangers.sum()),
            "strangers_indeterminate": int(_indeterminate(outcomes.strangers)[strangers].sum()),
            **{
                f"{name}_indeterminate": int(_indeterminate(found)[enrolled].sum())
                for name, found in outcomes.copies.items()
            },
        }
    return counts


def _among(samples: Sequence[Sample], sources: Sequence[str]) -> Bools:
    return np.array([sample.source in sources for sample in samples], dtype=np.bool_)


def _released(outcomes: Sequence[Outcome]) -> Bools:
    return np.array([outcome.decision is Decision.ANONYMOUS for outcome in outcomes], dtype=np.bool_)


def _indeterminate(outcomes: Sequence[Outcome]) -> Bools:
    return np.array([outcome.decision is Decision.INDETERMINATE for outcome in outcomes], dtype=np.bool_)


def _above(outcomes: Sequence[Outcome], threshold: float) -> Bools:
    """What the copy space catches; an image without an answer is not caught."""
    similarities = [outcome.similarity if isinstance(outcome, Verdict) else math.nan for outcome in outcomes]
    return np.asarray(np.array(similarities, dtype=np.float64) > threshold)
