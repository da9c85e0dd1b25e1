"""The convolutional trunks that a model may be built on: torchvision's residual networks by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torchvision.models.resnet import ResNet


def resnet10() -> ResNet:
    """One basic block per stage (4.9 M parameters): small enough to train on two cores."""
    networks = _networks()
    return networks.ResNet(networks.BasicBlock, [1, 1, 1, 1])


TRUNKS: dict[str, Callable[[], ResNet]] = {
    "resnet10": resnet10,
    "resnet18": lambda: _networks().resnet18(),
    "resnet34": lambda: _networks().resnet34(),
    "resnet50": lambda: _networks().resnet50(),
}


def build_trunk(name: str) -> ResNet:
    """An untrained trunk with its classifier `fc` still in place; nothing is downloaded.

    Raises:
        ValueError: for a name that is not in TRUNKS.
    """
    if name not in TRUNKS:
        raise ValueError(f"expected a trunk of {', '.join(TRUNKS)}, got {name!r}")
    return TRUNKS[name]()


def _networks() -> Any:
    """Imported for those who build one: it takes a second, in each worker of the model server that starts anew."""
    return importlib.import_module("torchvision.models.resnet")
