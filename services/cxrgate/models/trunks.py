"""The convolutional trunks that a model may be built on: torchvision's residual networks by name."""

from __future__ import annotations

from collections.abc import Callable

from torchvision.models import resnet18, resnet34, resnet50
from torchvision.models.resnet import BasicBlock, ResNet


def resnet10() -> ResNet:
    """One basic block per stage (4.9 M parameters): small enough to train on two cores."""
    return ResNet(BasicBlock, [1, 1, 1, 1])


TRUNKS: dict[str, Callable[[], ResNet]] = {
    "resnet10": resnet10,
    "resnet18": resnet18,
    "resnet34": resnet34,
    "resnet50": resnet50,
}


def build_trunk(name: str) -> ResNet:
    """An untrained trunk with its classifier `fc` still in place; nothing is downloaded.

    Raises:
        ValueError: for a name that is not in TRUNKS.
    """
    if name not in TRUNKS:
        raise ValueError(f"expected a trunk of {', '.join(TRUNKS)}, got {name!r}")
    return TRUNKS[name]()
