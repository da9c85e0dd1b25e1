"""Fit what follows a trained trunk, whitening and discriminants, to what the trunk pools."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from cxrgate.models.networks.embedder import Embedder
from cxrgate.train.discriminant import fit_discriminants
from cxrgate.train.whitening import fit_whitening


def fit_head(network: Embedder, pooled: NDArray[np.float32], patients: NDArray[np.int64], seed: int) -> None:
    """Set the network's whitening and, where it has them, its discriminants.

    Args:
        network: its trunk and projection stay as they are.
        pooled: float32[n, d], what the trunk pools of each image.
        patients: int64[n].
        seed: of the images that the principal directions are taken from.

    Raises:
        UsageError: no patient has two images.
    """
    with torch.inference_mode():
        directions = network.directed(torch.from_numpy(pooled)).numpy()
    fit_whitening(network, directions, patients)
    fit_discriminants(network, pooled.astype(np.float64), patients, seed)
