"""How a training goes, in a line now and then: its loss, and the loss of the weights that are kept on the tune part."""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cxrgate.core import UsageError
from cxrgate.core.progress import Tell
from cxrgate.models.networks.embedder import Embedder
from cxrgate.train.inputs import Inputs
from cxrgate.train.loop import Training
from cxrgate.train.objectives import make_objective
from cxrgate.train.pixels import PixelSet
from cxrgate.train.recipe import Recipe

IMAGES = 1000
"""Of the tune part, about: more would take longer and say the same."""
LINES = 20
"""Of a whole training."""
_BATCHES = 8


def some_patients(patients: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows, int64[m], of about IMAGES images: whole patients, spread over the part.

    Args:
        patients: int64[n], numbered from 0.
    """
    stride = -(-len(patients) // IMAGES)
    return np.flatnonzero(patients % stride == 0)


class Validation:
    """The mean loss of a few batches of the tune part, the same ones each time."""

    def __init__(self, recipe: Recipe, images: PixelSet, network: nn.Module, seed: int, device: str = "cpu") -> None:
        """Measure by the recipe's own loss.

        Args:
            recipe: of the training.
            images: of the tune part, at stored_side px.
            network: what is trained; it is copied.
            seed: of the batches.
            device: where the network computes.

        Raises:
            UsageError: the images have no patients that the loss could be measured on.
        """
        self._recipe, self._seed = recipe, seed
        self._inputs = Inputs(images, recipe, device)
        self._network = copy.deepcopy(network).to(device).eval()
        make_objective(recipe, self._inputs, self._network)

    @torch.no_grad()
    def loss(self, weights: dict[str, torch.Tensor]) -> float:
        """Of the network with these weights."""
        self._network.load_state_dict(weights)
        # A new one each time: what it remembers of one batch for the next is of these weights.
        objective = make_objective(self._recipe, self._inputs, self._network)
        rng, generator = np.random.default_rng(self._seed), torch.Generator().manual_seed(self._seed)
        kind = torch.device(self._inputs.device).type
        with torch.autocast(kind, torch.bfloat16, enabled=isinstance(self._network, Embedder)):
            return float(np.mean([objective.loss(self._network, rng, generator).item() for _ in range(_BATCHES)]))


def make_validation(recipe: Recipe, images: PixelSet, network: nn.Module, seed: int, device: str) -> Validation | None:
    """The validation, or None where the tune part has too few patients for the loss."""
    try:
        return Validation(recipe, images, network, seed, device)
    except UsageError:
        return None


class LossLines:
    """Tells the losses every LINESth part of a training, and at its end."""

    def __init__(self, training: Training, validation: Validation | None, steps: int, tell: Tell) -> None:
        """Tell by `tell`; without a validation the training's own loss alone."""
        self._training, self._validation, self._steps, self._tell = training, validation, steps, tell
        self._every = max(1, steps // LINES)
        self._losses: list[float] = []

    def __call__(self, step: int, loss: float) -> None:
        """Take note of a step's loss."""
        self._losses.append(loss)
        if step % self._every and step != self._steps:
            return
        told = f"step {step:,} of {self._steps:,}: loss {np.mean(self._losses):.4f}"
        if self._validation is not None:
            told += f", on the tune part {self._validation.loss(self._training.kept):.4f}"
        self._losses.clear()
        self._tell(told)
