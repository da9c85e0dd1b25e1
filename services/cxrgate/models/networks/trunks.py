"""The residual trunks that a network may be built on, as torchvision builds them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from cxrgate.models.networks.trunk_sizes import RESIDUAL

if TYPE_CHECKING:
    from torchvision.models.resnet import ResNet


def build_trunk(name: str) -> ResNet:
    """An untrained trunk with its classifier `fc` still in place; nothing is downloaded.

    Raises:
        ValueError: for a name that is not in RESIDUAL.
    """
    if name not in RESIDUAL:
        raise ValueError(f"expected a trunk of {', '.join(RESIDUAL)}, got {name!r}")
    sizes = RESIDUAL[name]
    # Imported for those who build one: it takes a second, in each worker of the model server that starts anew.
    networks: Any = importlib.import_module("torchvision.models.resnet")
    return networks.ResNet(networks.Bottleneck if sizes.narrows else networks.BasicBlock, list(sizes.blocks))
