"""What a batch's loss is: each objective draws its batch and remembers what it needs from step to step."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from pytorch_metric_learning.losses import ContrastiveLoss, CrossBatchMemory, SupConLoss
from torch import Generator, Tensor, nn
from torch.nn import functional

from cxrgate.core import UsageError
from cxrgate.models.networks.embedder import Embedder
from cxrgate.models.networks.published import SiameseNetwork
from cxrgate.train.inputs import Inputs
from cxrgate.train.recipe import Loss, Recipe
from cxrgate.train.sampling import BalancedPairs, PatientBlocks


class Objective(Protocol):
    """One training loss over a network."""

    def loss(self, network: nn.Module, rng: np.random.Generator, generator: Generator) -> Tensor:
        """Draw a batch and give its loss."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """What a checkpoint must hold."""
        ...

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from a checkpoint."""
        ...


class Pairs:
    """Binary cross-entropy of balanced pairs through the Siamese network (Packhäuser et al. 2022)."""

    def __init__(self, recipe: Recipe, inputs: Inputs) -> None:
        self._inputs = inputs
        self._sampler = BalancedPairs(inputs.labels, recipe.patients)

    def loss(self, network: nn.Module, rng: np.random.Generator, generator: Generator) -> Tensor:
        """See Objective."""
        block = self._sampler.draw(rng)
        a, b = (self._inputs.batch(rows, generator) for rows in (block.first, block.second))
        return functional.binary_cross_entropy_with_logits(network(a, b), torch.from_numpy(block.same).to(a.device))

    def state_dict(self) -> dict[str, Tensor]:
        """See Objective."""
        return {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """See Objective."""


class Contrastive:
    """Contrastive loss with cross-batch memory over patient blocks (Packhäuser et al. 2022; margins 0 and 1)."""

    def __init__(self, recipe: Recipe, inputs: Inputs) -> None:
        self._inputs = inputs
        # Packhäuser's batches mix patients of the whole set: one source.
        sources = np.zeros_like(inputs.labels)
        self._sampler = PatientBlocks(inputs.labels, sources, recipe.patients, recipe.images, recipe.several)
        dimensions = recipe.architecture.dimensions
        self._loss = CrossBatchMemory(ContrastiveLoss(), dimensions, memory_size=max(recipe.memory, 1))

    def loss(self, network: nn.Module, rng: np.random.Generator, generator: Generator) -> Tensor:
        """See Objective."""
        block = self._sampler.draw(rng)
        embeddings = network(self._inputs.batch(block.rows, generator))
        loss: Tensor = self._loss(embeddings, torch.from_numpy(block.labels).to(embeddings.device))
        return loss

    def state_dict(self) -> dict[str, Tensor]:
        """See Objective."""
        names = ("embedding_memory", "label_memory")
        flags = torch.tensor([self._loss.queue_idx, int(self._loss.has_been_filled)])
        return {**{name: getattr(self._loss, name) for name in names}, "flags": flags}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """See Objective."""
        self._loss.embedding_memory, self._loss.label_memory = state["embedding_memory"], state["label_memory"]
        self._loss.queue_idx, self._loss.has_been_filled = int(state["flags"][0]), bool(state["flags"][1])


class Neighbours:
    """Supervised contrastive loss (Khosla et al. 2020) against the batch and earlier batches of the same source."""

    def __init__(self, recipe: Recipe, inputs: Inputs) -> None:
        self._inputs, self._size = inputs, recipe.memory
        self._sampler = PatientBlocks(inputs.labels, inputs.sources, recipe.patients, recipe.images, recipe.several)
        self._loss = SupConLoss(temperature=recipe.temperature)
        empty = torch.zeros(0, recipe.architecture.dimensions, device=inputs.device)
        self._memory = {
            int(source): (empty, torch.zeros(0, dtype=torch.int64, device=inputs.device))
            for source in np.unique(inputs.sources)
        }

    def loss(self, network: nn.Module, rng: np.random.Generator, generator: Generator) -> Tensor:
        """See Objective."""
        block = self._sampler.draw(rng)
        x = self._inputs.batch(block.rows, generator)
        embeddings = network.direction(x) if isinstance(network, Embedder) else functional.normalize(network(x))
        labels = torch.from_numpy(block.labels).to(x.device)
        remembered, known = self._memory[block.source]
        others, names = torch.cat([embeddings, remembered]), torch.cat([labels, known])
        self._memory[block.source] = _newest(others.detach(), names, self._size)
        loss: Tensor = self._loss(embeddings, labels, _pairs(labels, names), others, names)
        return loss

    def state_dict(self) -> dict[str, Tensor]:
        """See Objective."""
        return {f"{source}.{i}": part for source, parts in self._memory.items() for i, part in enumerate(parts)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """See Objective."""
        self._memory = {source: (state[f"{source}.0"], state[f"{source}.1"]) for source in self._memory}


def _newest(embeddings: Tensor, labels: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The first `size` rows: the batch stands before what was remembered."""
    return embeddings[:size], labels[:size]


def _pairs(labels: Tensor, names: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Anchors and positives, anchors and negatives; an image is never its own positive."""
    same = labels[:, None] == names[None]
    different = ~same
    same[torch.arange(len(labels)), torch.arange(len(labels))] = False
    (anchors, positives), (others, negatives) = torch.where(same), torch.where(different)
    return anchors, positives, others, negatives


_OBJECTIVES: dict[Loss, type[Pairs | Contrastive | Neighbours]] = {
    Loss.PAIRS: Pairs,
    Loss.CONTRASTIVE: Contrastive,
    Loss.NEIGHBOURS: Neighbours,
}


def make_objective(recipe: Recipe, inputs: Inputs, network: nn.Module) -> Objective:
    """The recipe's objective.

    Raises:
        UsageError: pairs are for the Siamese network, the other losses for networks that embed.
    """
    if (recipe.loss is Loss.PAIRS) != isinstance(network, SiameseNetwork):
        raise UsageError(
            f"the loss {recipe.loss} does not fit the network: {Loss.PAIRS} is for a Siamese network and for no other"
        )
    return _OBJECTIVES[recipe.loss](recipe, inputs)
