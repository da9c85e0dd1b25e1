"""Fit what follows a trained trunk, to what the trunk pools: whitening, discriminants, cohort, calibration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from cxrgate.core.heads import CohortCosineHead
from cxrgate.models import EmbedderArchitecture, ModelKind
from cxrgate.models.networks.embedder import Embedder
from cxrgate.train.calibration import FLAGGED, calibrate, unenrolled_threshold
from cxrgate.train.cohort import find_cohort
from cxrgate.train.discriminant import fit_discriminants
from cxrgate.train.scoring.figures import all_pairs
from cxrgate.train.whitening import fit_whitening


def fit_head(
    network: Embedder, kind: ModelKind, pooled: NDArray[np.float32], patients: NDArray[np.int64], seed: int
) -> None:
    """Set the network's whitening, where it has them its discriminants, and a verification model's cohort.

    Args:
        network: its trunk and projection stay as they are.
        kind: of model.
        pooled: float32[n, d], what the trunk pools of each image.
        patients: int64[n].
        seed: of the images that the principal directions are taken from, and of the cohort's first centroids.

    Raises:
        UsageError: no patient has two images.
    """
    with torch.inference_mode():
        directions = network.directed(torch.from_numpy(pooled)).numpy()
    fit_whitening(network, directions, patients)
    fit_discriminants(network, pooled.astype(np.float64), patients, seed)
    if kind is ModelKind.VERIFICATION:
        with torch.inference_mode():
            embeddings = network.embedded(torch.from_numpy(pooled)).numpy()
        fit_cohort(network, embeddings, patients, seed)


def fit_cohort(network: Embedder, embeddings: NDArray[np.float32], patients: NDArray[np.int64], seed: int) -> None:
    """Set the network's cohort, or none where there are too few patients; see find_cohort."""
    cohort = find_cohort(embeddings, patients, seed)
    network.cohort = None if cohort is None else torch.from_numpy(cohort)


def set_calibration(
    network: Embedder, kind: ModelKind, embeddings: NDArray[np.float32], patients: NDArray[np.int64]
) -> float:
    """Set where a similarity becomes a match, by patients that were not trained on; gives that similarity.

    Args:
        network: its embeddings, and the cohort where it has one, are final.
        kind: of model; a copy model has no calibration, only the similarity.
        embeddings: float32[n, d], of the tune part.
        patients: int64[n].
    """
    rows = embeddings.astype(np.float64)
    similarities = rows @ rows.T
    if network.cohort is not None:
        head = CohortCosineHead(1.0, 0.0, network.cohort.numpy())
        usual = np.array([head.usual(row) for row in embeddings])
        similarities -= (usual[:, None] + usual[None]) / 2
    threshold = unenrolled_threshold(similarities, patients, FLAGGED[kind])
    if not kind.finds_pictures:
        pairs = all_pairs(similarities, patients)
        with torch.no_grad():
            network.calibration.copy_(torch.tensor(calibrate(pairs.scores, pairs.same, threshold)))
    return threshold


def fitted_architecture(network: Embedder, architecture: EmbedderArchitecture) -> EmbedderArchitecture:
    """The sizes after fitting: the cohort has as many centroids as were found."""
    return replace(architecture, cohort=0 if network.cohort is None else len(network.cohort))
