"""EfficientNet-Lite as an OpenVINO graph, under the tensor names of models.networks.lite."""

from __future__ import annotations

from cxrgate.models.networks.architectures import HEAD_CHANNELS
from cxrgate.models.networks.trunk_sizes import STEM_CHANNELS, LiteBlock, lite_blocks, same_padding
from cxrgate.models.runtimes.openvino.layers import convolve
from cxrgate.models.runtimes.openvino.library import Node, ops
from cxrgate.models.runtimes.openvino.weights import Weights


def lite_maps(x: Node, weights: Weights, name: str, trunk: str) -> list[Node]:
    """float[n, 3, h, w] to one map more than blocks: what leaves each of them, and the head."""
    blocks = lite_blocks(trunk)
    maps = [_active(x, weights, f"{name}.stem", (STEM_CHANNELS, 3, 3, 3), 2)]
    for number, block in enumerate(blocks):
        maps.append(_block(maps[-1], weights, f"{name}.blocks.{number}", block))
    head = _active(maps[-1], weights, f"{name}.head", (HEAD_CHANNELS, blocks[-1].outputs, 1, 1), 1)
    return [*maps[1:], head]


def _block(x: Node, weights: Weights, name: str, block: LiteBlock) -> Node:
    wide, side = block.wide, block.kernel
    y = x
    if block.expansion > 1:
        y = _active(y, weights, f"{name}.expand", (wide, block.channels, 1, 1), 1)
    y = _active(y, weights, f"{name}.depthwise", (wide, 1, side, side), block.stride)
    y = _unit(y, weights, f"{name}.project", (block.outputs, wide, 1, 1), 1)
    return ops.add(x, y) if block.residual else y


def _active(x: Node, weights: Weights, name: str, shape: tuple[int, int, int, int], stride: int) -> Node:
    """A convolution with ReLU6."""
    return ops.clamp(_unit(x, weights, name, shape, stride), 0.0, 6.0)


def _unit(x: Node, weights: Weights, name: str, shape: tuple[int, int, int, int], stride: int) -> Node:
    outputs, inputs, side, _ = shape
    kernel, bias = weights.take(f"{name}.conv.weight", *shape), weights.take(f"{name}.conv.bias", outputs)
    depthwise = inputs == 1 and outputs > 1
    return convolve(x, kernel, bias, stride, same_padding(side, stride), depthwise=depthwise)
