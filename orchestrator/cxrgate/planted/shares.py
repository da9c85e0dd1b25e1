"""Shares of images with 95 % intervals."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from cxrgate.train.scoring.figures import CONFIDENCE, Figure

REPLICATES = 1000
NOTHING = Figure(math.nan, math.nan, math.nan)
"""Where there is nothing to measure."""
_TAIL = (1 - CONFIDENCE) / 2

Bools = NDArray[np.bool_]


def of_patients(hits: Bools) -> Figure:
    """The share of hits bool[n], one image per patient: interval of Clopper and Pearson (1934)."""
    count, found = len(hits), int(hits.sum())
    if not count:
        return NOTHING
    low = float(beta.ppf(_TAIL, found, count - found + 1)) if found else 0.0
    high = float(beta.ppf(1 - _TAIL, found + 1, count - found)) if found < count else 1.0
    return Figure(found / count, low, high)


def over_patients(hits: Bools, patients: NDArray[np.int64]) -> Figure:
    """The share of hits bool[n] among images of patients int64[n]: bootstrap of the patients, seed 0."""
    if not len(hits):
        return NOTHING
    _, numbers = np.unique(patients, return_inverse=True)
    found, count = np.bincount(numbers, hits), np.bincount(numbers)
    drawn = np.random.default_rng(0).integers(len(count), size=(REPLICATES, len(count)))
    shares = found[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    low, high = np.quantile(shares, [_TAIL, 1 - _TAIL])
    return Figure(float(hits.mean()), float(low), float(high))
