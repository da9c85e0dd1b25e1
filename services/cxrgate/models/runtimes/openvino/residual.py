"""torchvision's residual networks as OpenVINO graphs (He et al. 2015, the stride in the 3 x 3 convolution)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxrgate.models.networks.trunk_sizes import ResidualSizes
from cxrgate.models.runtimes.openvino.layers import Scale, convolve_scaled
from cxrgate.models.runtimes.openvino.library import Node, ops
from cxrgate.models.runtimes.openvino.weights import Weights


@dataclass(frozen=True, slots=True)
class ResidualNames:
    """What the trunk's parts are called in a network's tensors."""

    stem: str
    norm: str
    stages: tuple[str, str, str, str]


def residual_map(x: Node, weights: Weights, sizes: ResidualSizes, names: ResidualNames) -> Node:
    """float[n, 3, h, w] to float[n, channels, h / 32, w / 32]."""
    x = _active(x, weights, names.stem, names.norm, (64, 3, 7), 2)
    x = ops.max_pool(x, [2, 2], [1, 1], [1, 1], [1, 1], [3, 3], "floor", "explicit", "i32").output(0)
    channels = 64
    for stage, (name, count) in enumerate(zip(names.stages, sizes.blocks, strict=True)):
        width = 64 << stage
        for number in range(count):
            stride = 2 if number == 0 and stage > 0 else 1
            x = _block(x, weights, f"{name}.{number}", sizes, (channels, width, stride))
            channels = width * sizes.widening
    return x


def _block(x: Node, weights: Weights, name: str, sizes: ResidualSizes, shape: tuple[int, int, int]) -> Node:
    """`shape` is the channels that enter, the width and the stride."""
    channels, width, stride = shape
    outputs = width * sizes.widening
    if sizes.narrows:
        y = _active(x, weights, f"{name}.conv1", f"{name}.bn1", (width, channels, 1), 1)
        y = _active(y, weights, f"{name}.conv2", f"{name}.bn2", (width, width, 3), stride)
        y = _unit(y, weights, f"{name}.conv3", f"{name}.bn3", (outputs, width, 1), 1)
    else:
        y = _active(x, weights, f"{name}.conv1", f"{name}.bn1", (width, channels, 3), stride)
        y = _unit(y, weights, f"{name}.conv2", f"{name}.bn2", (width, width, 3), 1)
    if stride > 1 or channels != outputs:
        x = _unit(x, weights, f"{name}.downsample.0", f"{name}.downsample.1", (outputs, channels, 1), stride)
    return ops.relu(ops.add(x, y))


def _active(x: Node, weights: Weights, conv: str, norm: str, shape: tuple[int, int, int], stride: int) -> Node:
    return ops.relu(_unit(x, weights, conv, norm, shape, stride))


def _unit(x: Node, weights: Weights, conv: str, norm: str, shape: tuple[int, int, int], stride: int) -> Node:
    outputs, inputs, side = shape
    kernel = weights.take(f"{conv}.weight", outputs, inputs, side, side)
    return convolve_scaled(x, kernel, Scale.take(weights, norm, outputs), stride)


def average(x: Node) -> Node:
    """float[n, c, h, w] to float[n, c]."""
    return ops.reduce_mean(x, ops.constant(np.array([2, 3], np.int64)), keep_dims=False)
