"""Within-class covariance, and the whitening by it (Hatch, Kajarekar and Stolcke 2006)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from cxrgate.core import UsageError
from cxrgate.models.networks.embedder import Embedder

SHRINKAGE = 0.1

Float64s = NDArray[np.float64]


def within_covariance(rows: Float64s, labels: NDArray[np.int64], shrinkage: float) -> Float64s:
    """How the images of one label differ, float64[d, d], shrunk towards a multiple of the identity.

    Args:
        rows: float64[n, d].
        labels: int64[n]; labels with one row tell nothing and are left out.
        shrinkage: 0 to 1.

    Raises:
        UsageError: no label has two rows.
    """
    _, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.zeros((len(counts), rows.shape[1]))
    np.add.at(means, numbers, rows)
    several = counts[numbers] > 1
    freedom = int(several.sum()) - int((counts > 1).sum())
    if freedom < 1:
        raise UsageError("no patient has two or more images: the spread within patients cannot be estimated")
    difference = (rows - means[numbers] / counts[numbers][:, None])[several]
    covariance = difference.T @ difference / freedom
    dimensions = len(covariance)
    return np.asarray((1 - shrinkage) * covariance + shrinkage * np.trace(covariance) / dimensions * np.eye(dimensions))


def fit_whitening(network: Embedder, directions: NDArray[np.float32], patients: NDArray[np.int64]) -> None:
    """Set the network's whitening from the directions float32[n, d] of the images that it was trained on."""
    rows = directions.astype(np.float64)
    values, vectors = np.linalg.eigh(within_covariance(rows, patients, SHRINKAGE))
    transform = vectors / np.sqrt(values)
    with torch.no_grad():
        network.whiten.weight.copy_(torch.from_numpy(transform.T))
        network.whiten.bias.copy_(torch.from_numpy(-rows.mean(0) @ transform))
