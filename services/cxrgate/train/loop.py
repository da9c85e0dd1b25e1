"""The training loop: steps, checkpoints, a moving average of the weights. Resumed, it ends where it would have."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cxrgate.core import UsageError
from cxrgate.core.digest import mapping_digest
from cxrgate.models.networks.embedder import Embedder
from cxrgate.storage import whole_file
from cxrgate.train.inputs import Inputs
from cxrgate.train.objectives import make_objective
from cxrgate.train.recipe import Optimizer, Recipe

CHECKPOINT_STEPS = 100
_CLIP = 5.0
_MOMENTUM = 0.9

Report = Callable[[int, float], None]


class Training:
    """One training of one network; `run` takes it to its last step."""

    def __init__(self, recipe: Recipe, inputs: Inputs, network: nn.Module, seed: int, checkpoint: Path) -> None:
        """Go on from `checkpoint` where it exists.

        Raises:
            UsageError: the checkpoint is of another recipe, seed or training set.
        """
        self._recipe, self._seed, self._checkpoint = recipe, seed, checkpoint
        self._device = torch.device(inputs.device)
        self.network = network.to(self._device).to(memory_format=torch.channels_last).train()
        self._objective = make_objective(recipe, inputs, network)
        groups = list(_parameters(network, recipe))
        self._rates = [group["lr"] for group in groups]
        self._optimizer = _optimizer(recipe, groups)
        self._average = {name: value.detach().clone() for name, value in network.state_dict().items()}
        self.step, self.seconds = 0, 0.0
        self._identity = mapping_digest(
            {"recipe": recipe.model_dump(mode="json"), "seed": seed, "images": inputs.images.digest}
        )
        if checkpoint.is_file():
            self._resume()

    def run(self, report: Report = lambda *_: None) -> dict[str, Tensor]:
        """Take the remaining steps and give the weights that are kept.

        Args:
            report: called after each step with its number and loss.
        """
        while self.step < self._recipe.steps:
            started = time.perf_counter()
            loss = self._take()
            self.seconds += time.perf_counter() - started
            report(self.step, loss)
            if self.step % CHECKPOINT_STEPS == 0:
                self._save()
        return self.kept

    @property
    def kept(self) -> dict[str, Tensor]:
        """The weights that are kept if the training ends here."""
        return self._average if self._recipe.average else dict(self.network.state_dict())

    def _take(self) -> float:
        # Seeded anew at every step: a resumed training draws what an uninterrupted one draws.
        rng = np.random.default_rng([self._seed, self.step])
        seed = int(rng.integers(2**62))
        torch.manual_seed(seed)  # dropout
        for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * self._schedule()
        with torch.autocast(self._device.type, torch.bfloat16, enabled=isinstance(self.network, Embedder)):
            loss = self._objective.loss(self.network, rng, torch.Generator().manual_seed(seed))
        if not torch.isfinite(loss):
            raise UsageError(f"the loss is {loss.item()} at step {self.step}: lower the rate in the recipe")
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), _CLIP)
        self._optimizer.step()
        self.step += 1
        self._follow()
        return loss.item()

    def _schedule(self) -> float:
        warm = min(1.0, (self.step + 1) / self._recipe.warm_up)
        return warm * (1 + math.cos(math.pi * self.step / self._recipe.steps)) / 2

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the weights, faster at first."""
        decay = min(self._recipe.average, self.step / (self.step + 20))
        for name, value in self.network.state_dict().items():
            if value.dtype.is_floating_point:
                self._average[name].lerp_(value, 1 - decay)
            else:
                self._average[name].copy_(value)

    def _save(self) -> None:
        content = {
            "identity": self._identity,
            "step": self.step,
            "seconds": self.seconds,
            "network": self.network.state_dict(),
            "average": self._average,
            "optimizer": self._optimizer.state_dict(),
            "objective": self._objective.state_dict(),
        }
        self._checkpoint.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(self._checkpoint) as partial:
            torch.save(content, partial)

    def _resume(self) -> None:
        content: dict[str, Any] = torch.load(self._checkpoint, map_location=self._device, weights_only=True)
        if content["identity"] != self._identity:
            raise UsageError(
                f"{self._checkpoint} belongs to another recipe, seed or set of images: remove it or name another --work"
            )
        self.step, self.seconds, self._average = content["step"], content["seconds"], content["average"]
        self.network.load_state_dict(content["network"])
        self._optimizer.load_state_dict(content["optimizer"])
        self._objective.load_state_dict(content["objective"])


def _parameters(network: nn.Module, recipe: Recipe) -> Iterator[dict[str, Any]]:
    """Groups of parameters with their rates; an embedder's first blocks and depthwise filters stay as they are."""
    if not isinstance(network, Embedder):
        yield {"params": list(network.parameters()), "lr": recipe.rate}
        return
    trunk = network.trunk
    for part in (trunk.stem, *trunk.blocks[: recipe.frozen_blocks]):
        part.requires_grad_(requires_grad=False)
    for module in trunk.modules():
        # Few numbers, and their gradient costs as much as that of everything else together.
        if isinstance(module, nn.Conv2d) and module.groups > 1:
            module.requires_grad_(requires_grad=False)
    network.whiten.requires_grad_(requires_grad=False)
    yield {"params": [value for value in trunk.parameters() if value.requires_grad], "lr": recipe.trunk_rate}
    yield {"params": list(network.project.parameters()), "lr": recipe.rate}


def _optimizer(recipe: Recipe, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    decay = recipe.weight_decay
    if recipe.optimizer is Optimizer.SGD:
        return torch.optim.SGD(groups, momentum=_MOMENTUM, weight_decay=decay)
    if recipe.optimizer is Optimizer.ADAM:
        return torch.optim.Adam(groups, weight_decay=decay)
    return torch.optim.AdamW(groups, weight_decay=decay)
