"""What training starts from: published trunk weights, and a projection that already tells patients apart."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, nn

from cxrgate.core import UsageError
from cxrgate.models.networks.build import build_network
from cxrgate.models.networks.embedder import Embedder
from cxrgate.models.networks.lite import published_weights
from cxrgate.train.discriminant import find_discriminants
from cxrgate.train.inputs import Inputs
from cxrgate.train.recipe import Initial, Recipe

_VIEWS = 2
_COMPONENTS = 300
_SHRINKAGE = 0.2
_BATCH = 64
_SCALE = 0.05

Float64s = NDArray[np.float64]


def start(recipe: Recipe, inputs: Inputs, seed: int) -> nn.Module:
    """The network that training begins with.

    Raises:
        UsageError: published weights are asked for a network that has none, or they are not installed.
    """
    torch.manual_seed(seed)
    network = build_network(recipe.architecture)
    if recipe.initial is Initial.RANDOM:
        return network
    if not isinstance(network, Embedder):
        raise UsageError(
            "published weights are there for the network embedder only: write `initial: random` in the recipe"
        )
    network.trunk.load_state_dict(published_weights(recipe.architecture.trunk))
    _discriminate(network.eval(), inputs, seed)
    return network


def _discriminate(network: Embedder, inputs: Inputs, seed: int) -> None:
    """Set the projection by discriminant analysis of changed views: a good place to start."""
    discriminate(network, *_pool(network, inputs, seed), seed)


def discriminate(network: Embedder, pooled: Float64s, labels: NDArray[np.int64], seed: int) -> None:
    """Set the projection by linear discriminant analysis.

    Args:
        network: its projection, centre and spread are overwritten.
        pooled: float64[n, d], what the projection takes.
        labels: int64[n], what counts as the same.
        seed: of the images that the principal directions are taken from.

    Raises:
        UsageError: no label has two rows.
    """
    found = find_discriminants(pooled, labels, network.project.out_features, _COMPONENTS, _SHRINKAGE, seed)
    with torch.no_grad():
        network.centre.copy_(torch.from_numpy(found.centre))
        network.spread.copy_(torch.from_numpy(found.spread))
        network.project.weight[: found.count].copy_(torch.from_numpy(found.directions.T * _SCALE))
        network.project.bias.zero_()


@torch.inference_mode()
def _pool(network: Embedder, inputs: Inputs, seed: int) -> tuple[Float64s, NDArray[np.int64]]:
    """Every image in _VIEWS changed views: float64[n, pooled] and labels int64[n]."""
    generator = Generator().manual_seed(seed)
    rows = np.tile(np.arange(len(inputs.labels)), _VIEWS)
    parts = []
    for start_row in range(0, len(rows), _BATCH):
        batch = inputs.batch(rows[start_row : start_row + _BATCH], generator).cpu()
        with torch.autocast("cpu", torch.bfloat16):
            parts.append(network.pooled(batch).float().numpy())
    return np.concatenate(parts).astype(np.float64), inputs.labels[rows]
