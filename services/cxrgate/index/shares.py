"""Shares with 95 % intervals, by patient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cxrgate.index.self_measurement import Share

_TAIL = 0.025
_REPLICATES = 1000


def share_of_patients(hits: NDArray[np.bool_], patients: NDArray[np.int64]) -> Share:
    """The share of hits bool[n] among queries of patients int64[n].

    One query per patient: the interval of Clopper and Pearson (1934); several: a bootstrap of the patients, seed 0.
    """
    _, numbers = np.unique(patients, return_inverse=True)
    count = np.bincount(numbers)
    if not len(count):
        return Share(0.0, 0.0, 1.0, 0)
    value = float(hits.mean())
    found = int(hits.sum())
    if len(count) == len(hits) or found in {0, len(hits)}:
        # With none or all of the queries hit a bootstrap would claim certainty.
        caught = round(value * len(count))
        return Share(value, *_clopper_pearson(caught, len(count)), len(count))
    drawn = np.random.default_rng(0).integers(len(count), size=(_REPLICATES, len(count)))
    shares = np.bincount(numbers, hits)[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    low, high = np.quantile(shares, [_TAIL, 1 - _TAIL])
    return Share(value, float(low), float(high), len(count))


def _clopper_pearson(found: int, count: int) -> tuple[float, float]:
    from scipy.stats import beta  # noqa: PLC0415 - half a second, and a run with a snapshot has no use for it

    low = float(beta.ppf(_TAIL, found, count - found + 1)) if found else 0.0
    high = float(beta.ppf(1 - _TAIL, found + 1, count - found)) if found < count else 1.0
    return low, high
