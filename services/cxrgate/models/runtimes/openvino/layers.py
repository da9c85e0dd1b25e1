"""The layers that the networks are made of, as nodes of an OpenVINO graph. Batch norms are folded in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxrgate.models.runtimes.openvino.library import Node, ops
from cxrgate.models.runtimes.openvino.weights import Float32s, Weights

_NORM_EPSILON = 1e-5
"""PyTorch's default for batch norms."""


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """What a batch norm does in evaluation: value * factor + shift, per channel."""

    factor: NDArray[np.float64]
    shift: NDArray[np.float64]

    @classmethod
    def take(cls, weights: Weights, name: str, channels: int) -> Scale:
        """Use up the batch norm's tensors."""
        weight, bias, mean, variance = (
            weights.take(f"{name}.{part}", channels).astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        weights.take(f"{name}.num_batches_tracked")
        factor = weight / np.sqrt(variance + _NORM_EPSILON)
        return cls(factor, bias - mean * factor)


def constant(values: NDArray[np.float64] | Float32s) -> Node:
    """As float32, whatever the values' own type."""
    return ops.constant(np.ascontiguousarray(values, dtype=np.float32))


def convolve(
    x: Node, kernel: Float32s, bias: Float32s | None, stride: int, padding: tuple[int, int], *, depthwise: bool = False
) -> Node:
    """Convolve float[n, c, h, w] with kernel[out, c, k, k], or kernel[c, 1, k, k] where every channel has its own.

    `padding` is the number of zero rows and columns before and after.
    """
    (before, after), steps = padding, [stride, stride]
    where = (steps, [before, before], [after, after], [1, 1])
    if depthwise:
        y = ops.group_convolution(x, constant(kernel[:, np.newaxis]), *where)
    else:
        y = ops.convolution(x, constant(kernel), *where)
    return y if bias is None else ops.add(y, constant(bias[np.newaxis, :, np.newaxis, np.newaxis]))


def convolve_scaled(x: Node, kernel: Float32s, scale: Scale, stride: int = 1) -> Node:
    """A convolution that keeps the sides (but for the stride), and the batch norm behind it."""
    around = kernel.shape[-1] // 2
    folded = (kernel * scale.factor[:, np.newaxis, np.newaxis, np.newaxis]).astype(np.float32)
    return convolve(x, folded, scale.shift.astype(np.float32), stride, (around, around))


def connect(x: Node, weight: NDArray[np.float64] | Float32s, bias: NDArray[np.float64] | Float32s) -> Node:
    """A fully connected layer: float[n, in] by weight[out, in] and bias[out]."""
    product = ops.matmul(x, constant(weight), transpose_a=False, transpose_b=True)
    return ops.add(product, constant(bias[np.newaxis]))


def take_linear(weights: Weights, name: str, inputs: int, outputs: int) -> tuple[Float32s, Float32s]:
    """Weight and bias of a fully connected layer."""
    return weights.take(f"{name}.weight", outputs, inputs), weights.take(f"{name}.bias", outputs)


def pool_average(x: Node, side: int) -> Node:
    """Adaptive average pooling to side x side."""
    return ops.adaptive_avg_pool(x, ops.constant(np.array([side, side], np.int32)))


def pool_maximum(x: Node, side: int) -> Node:
    """Adaptive maximum pooling to side x side."""
    size = ops.constant(np.array([side, side], np.int32))
    return ops.adaptive_max_pool(x, size, index_element_type="i32").output(0)


def flatten(x: Node) -> Node:
    """float[n, ...] to float[n, m]."""
    return reshape(x, 0, -1)


def reshape(x: Node, *shape: int) -> Node:
    """0 keeps that side, -1 takes what is left."""
    return ops.reshape(x, ops.constant(np.array(shape, np.int64)), special_zero=True)


def unit_length(x: Node) -> Node:
    """Rows of float[n, d] at length 1; a row of zeros stays."""
    # The square of PyTorch's smallest length, 1e-12.
    return ops.normalize_l2(x, ops.constant(np.array([1], np.int64)), eps=1e-24, eps_mode="max")
