"""Centroids of many patients, which tell what cosine is usual for an image; see heads.CohortCosineHead."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from cxrgate.core.heads import USUAL

FEWEST = 20
"""Patients behind a centroid: a model that is given away holds no one patient's numbers."""
_ROUNDS = 20

Float32s = NDArray[np.float32]
Float64s = NDArray[np.float64]


def find_cohort(embeddings: Float32s, patients: NDArray[np.int64], seed: int) -> Float32s | None:
    """Centroids of unit length, each of FEWEST patients or more and no patient in two of them.

    k-means of the patients' mean embeddings, begun with as many centroids as there could be; the smallest is left out,
    and its patients go to others, until all are large enough.

    Args:
        embeddings: float32[n, d] of unit length, of the training part.
        patients: int64[n].
        seed: of the first centroids.

    Returns:
        float32[k, d]; None where that leaves fewer than heads.USUAL.
    """
    rows = np.array([embeddings[patients == patient].mean(axis=0) for patient in np.unique(patients)], np.float64)
    rows, most = _unit(rows), len(rows) // FEWEST
    if most < USUAL:
        return None
    centroids = _unit(_begin(rows, most, seed))
    while len(centroids) >= USUAL:
        nearest = (rows @ centroids.T).argmax(axis=1)
        sizes = np.bincount(nearest, minlength=len(centroids))
        if sizes.min() >= FEWEST:
            means = [rows[nearest == number].mean(axis=0) for number in range(len(centroids))]
            return _unit(np.array(means)).astype(np.float32)
        centroids = np.delete(centroids, sizes.argmin(), axis=0)
    return None


def _begin(rows: Float64s, count: int, seed: int) -> Float64s:
    """The centroids that k-means ends with, less those that are nobody's."""
    with warnings.catch_warnings():
        # Told where a centroid is nobody's, or where many patients have the same mean; the former is left out below.
        warnings.simplefilter("ignore")
        found, owners = kmeans2(rows, count, iter=_ROUNDS, minit="++", rng=np.random.default_rng(seed), missing="warn")
    there = np.bincount(owners, minlength=count) > 0
    return np.asarray(found[there & np.isfinite(found).all(axis=1)], np.float64)


def _unit(rows: Float64s) -> Float64s:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float64)
