"""Linear discriminant analysis (Fisher 1936) of many numbers and few patients."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cxrgate.train.whitening import within_covariance

_BASIS_ROWS = 4000

Float64s = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Discriminants:
    """Centre and spread of each number, float64[d], and directions in standardised numbers, float64[d, count]."""

    centre: Float64s = field(repr=False)
    spread: Float64s = field(repr=False)
    directions: Float64s = field(repr=False)

    @property
    def count(self) -> int:
        """How many directions there are; fewer than asked for where there are few images."""
        return len(self.directions.T)


def find_discriminants(
    pooled: Float64s, labels: NDArray[np.int64], count: int, components: int, shrinkage: float, seed: int
) -> Discriminants:
    """The directions in which images of one label differ least, compared with all images.

    Args:
        pooled: float64[n, d].
        labels: int64[n], what counts as the same.
        count: directions wanted.
        components: principal directions that it is done in; what lies outside them is noise.
        shrinkage: of the within-class covariance, 0 to 1.
        seed: of the images that the principal directions are taken from.

    Raises:
        UsageError: no label has two rows.
    """
    centre, spread = pooled.mean(0), pooled.std(0) + 1e-3
    standard = (pooled - centre) / spread
    basis = _principal(standard, min(components, len(standard)), seed)
    values, vectors = np.linalg.eigh(within_covariance(standard @ basis, labels, shrinkage))
    count = min(count, len(values))
    return Discriminants(centre, spread, basis @ (vectors[:, :count] / np.sqrt(values[:count])))


def _principal(standard: Float64s, count: int, seed: int) -> Float64s:
    """The first principal directions over their deviations, float64[d, count]."""
    chosen = np.random.default_rng(seed).permutation(len(standard))[:_BASIS_ROWS]
    _, lengths, vectors = np.linalg.svd(standard[chosen], full_matrices=False)
    count = min(count, int((lengths > lengths[0] * 1e-6).sum()))
    return np.asarray(vectors[:count].T / (lengths[:count] / np.sqrt(len(chosen))))
