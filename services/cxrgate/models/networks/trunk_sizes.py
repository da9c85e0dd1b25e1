"""The trunks' sizes, for every runtime: EfficientNet-Lite (Tan and Le 2019), residual networks (He et al. 2015)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from cxrgate.models.networks.architectures import lite_stages

STEM_CHANNELS = 32
STRIDE = 32
"""Input sides must be multiples of this: then padding is the same at every size."""


@dataclass(frozen=True, slots=True)
class LiteBlock:
    """One inverted residual of an EfficientNet-Lite: expand, depthwise, project."""

    channels: int
    outputs: int
    expansion: int
    kernel: int
    stride: int

    @property
    def wide(self) -> int:
        """Channels between expansion and projection."""
        return self.channels * self.expansion

    @property
    def residual(self) -> bool:
        """Whether the input is added to the output."""
        return self.stride == 1 and self.channels == self.outputs


@cache
def lite_blocks(trunk: str) -> tuple[LiteBlock, ...]:
    """The blocks of a trunk of LITE_TRUNKS, in order."""
    return tuple(_blocks(trunk))


def _blocks(trunk: str) -> Iterator[LiteBlock]:
    channels = STEM_CHANNELS
    for stage in lite_stages(trunk):
        for number in range(stage.blocks):
            yield LiteBlock(channels, stage.channels, stage.expansion, stage.kernel, stage.stride if number == 0 else 1)
            channels = stage.channels


def same_padding(kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after, as TensorFlow's SAME pads a side that is a multiple of the stride."""
    return (kernel - stride) // 2, (kernel - stride + 1) // 2


@dataclass(frozen=True, slots=True)
class ResidualSizes:
    """Blocks of each stage, and whether a block narrows before its 3 x 3 convolution."""

    blocks: tuple[int, int, int, int]
    narrows: bool = False

    @property
    def widening(self) -> int:
        """Channels that leave a block, as a multiple of its width."""
        return 4 if self.narrows else 1

    @property
    def channels(self) -> int:
        """Channels that leave the trunk."""
        return 512 * self.widening


RESIDUAL = {
    # One basic block per stage (4.9 M parameters): small enough to train on two cores.
    "resnet10": ResidualSizes((1, 1, 1, 1)),
    "resnet18": ResidualSizes((2, 2, 2, 2)),
    "resnet34": ResidualSizes((3, 4, 6, 3)),
    "resnet50": ResidualSizes((3, 4, 6, 3), narrows=True),
}
"""The residual networks by name: those of architectures.RESIDUAL_TRUNKS."""
