"""The networks as OpenVINO models: uint8[1, 1, height, width] to float32[1, outputs], normalisation included."""

from __future__ import annotations

import math

import numpy as np

from cxrgate.models.networks.architectures import (
    Architecture,
    EmbedderArchitecture,
    ResidualEmbedderArchitecture,
    RetrievalArchitecture,
    VerificationArchitecture,
)
from cxrgate.models.networks.trunk_sizes import RESIDUAL
from cxrgate.models.preprocess import Preprocessing
from cxrgate.models.runtimes.openvino.layers import (
    Scale,
    connect,
    constant,
    flatten,
    pool_average,
    pool_maximum,
    reshape,
    take_linear,
    unit_length,
)
from cxrgate.models.runtimes.openvino.library import Node, openvino, ops
from cxrgate.models.runtimes.openvino.lite import lite_maps
from cxrgate.models.runtimes.openvino.residual import ResidualNames, average, residual_map
from cxrgate.models.runtimes.openvino.weights import Weights


def build(architecture: Architecture, preprocessing: Preprocessing, weights: Weights) -> openvino.Model:
    """The network for one image; uses the weights up.

    Raises:
        ModelError: the tensors are not the architecture's.
    """
    shape = [1, 1, preprocessing.height, preprocessing.width]
    pixels = ops.parameter(shape, np.uint8, name="pixels")
    x = _normalise(pixels, preprocessing)
    match architecture:
        case RetrievalArchitecture():
            rows = _retrieve(x, weights, architecture)
        case VerificationArchitecture():
            rows = _features(x, weights, architecture)
        case EmbedderArchitecture():
            rows = _embed(x, weights, architecture)
        case ResidualEmbedderArchitecture():
            rows = _embed_residual(x, weights, architecture)
    weights.finish()
    return openvino.Model([rows], [pixels])


def _normalise(pixels: Node, preprocessing: Preprocessing) -> Node:
    """Grey pixels to three channels, in the order of operations of the PyTorch path."""
    grey = ops.divide(ops.convert(pixels, "f32"), constant(np.array([255.0])))
    mean, std = (
        np.array(numbers, np.float32)[np.newaxis, :, np.newaxis, np.newaxis]
        for numbers in (preprocessing.mean, preprocessing.std)
    )
    return ops.divide(ops.subtract(grey, constant(mean)), constant(std))


def _embed(x: Node, weights: Weights, shape: EmbedderArchitecture) -> Node:
    maps = lite_maps(x, weights, "trunk", shape.trunk)
    parts = [flatten(pool_average(maps[tap], shape.pool)) for tap in shape.taps]
    pooled = ops.concat([*parts, average(maps[-1])], 1)
    return _embedding(pooled, weights, shape)


def _embedding(pooled: Node, weights: Weights, shape: EmbedderArchitecture) -> Node:
    centre, spread = weights.take("centre", shape.pooled), weights.take("spread", shape.pooled)
    scaled = ops.divide(ops.subtract(pooled, constant(centre[np.newaxis])), constant(spread[np.newaxis]))
    weights.take("calibration", 2)
    if shape.cohort:
        weights.take("cohort", shape.cohort, shape.embedding)
    direction = unit_length(connect(scaled, *take_linear(weights, "project", shape.pooled, shape.dimensions)))
    whitened = connect(direction, *take_linear(weights, "whiten", shape.dimensions, shape.dimensions))
    rows = unit_length(whitened)
    if shape.discriminants:
        found = connect(pooled, *take_linear(weights, "discriminate", shape.pooled, shape.discriminants))
        rows = ops.divide(ops.concat([rows, unit_length(found)], 1), constant(np.array([math.sqrt(2)])))
    if not shape.frontality:
        return rows
    hidden = ops.relu(connect(pooled, *take_linear(weights, "frontality.hidden", shape.pooled, shape.frontality)))
    logit = connect(hidden, *take_linear(weights, "frontality.out", shape.frontality, 1))
    return ops.concat([rows, ops.sigmoid(logit)], 1)


def _retrieve(x: Node, weights: Weights, shape: RetrievalArchitecture) -> Node:
    trunk = RESIDUAL[shape.trunk]
    parts = [f"0.extractor_net.{number}" for number in (0, 1, 4, 5, 6, 7)]
    names = ResidualNames(parts[0], parts[1], (parts[2], parts[3], parts[4], parts[5]))
    x = residual_map(x, weights, trunk, names)
    pooled = ops.concat([pool_maximum(x, shape.pool), pool_average(x, shape.pool)], 1)
    # Channels 2c and 2c + 1 come to lie above each other, as in the published network.
    stacked = reshape(pooled, 0, trunk.channels, 2 * shape.pool, shape.pool)
    kernel = weights.take("1.bottle_neck_conv.weight", shape.bottleneck, trunk.channels, 1, 1)
    flat = shape.bottleneck * 2 * shape.pool**2
    narrow = flatten(ops.convolution(stacked, constant(kernel), [1, 1], [0, 0], [0, 0], [1, 1]))
    hidden = ops.relu(_scaled_linear(narrow, weights, "1.first_fc.1", "1.first_fc.3", (flat, shape.hidden)))
    return _scaled_linear(hidden, weights, "1.second_fc.0", "1.second_fc.2", (shape.hidden, shape.dimensions))


def _scaled_linear(x: Node, weights: Weights, norm: str, linear: str, sizes: tuple[int, int]) -> Node:
    """A batch norm and the fully connected layer behind it, as one layer."""
    scale = Scale.take(weights, norm, sizes[0])
    weight, bias = (part.astype(np.float64) for part in take_linear(weights, linear, *sizes))
    return connect(x, weight * scale.factor, bias + weight @ scale.shift)


def _embed_residual(x: Node, weights: Weights, shape: ResidualEmbedderArchitecture) -> Node:
    trunk = RESIDUAL[shape.trunk]
    names = ResidualNames("conv1", "bn1", ("layer1", "layer2", "layer3", "layer4"))
    pooled = average(residual_map(x, weights, trunk, names))
    rows = connect(pooled, *take_linear(weights, "fc", trunk.channels, shape.hidden or shape.dimensions))
    if shape.hidden:
        rows = connect(ops.relu(rows), *take_linear(weights, "embedding_layer", shape.hidden, shape.dimensions))
    return unit_length(rows)


def _features(x: Node, weights: Weights, shape: VerificationArchitecture) -> Node:
    trunk = RESIDUAL[shape.trunk]
    layers = ("model.layer1", "model.layer2", "model.layer3", "model.layer4")
    pooled = average(residual_map(x, weights, trunk, ResidualNames("model.conv1", "model.bn1", layers)))
    rows = ops.sigmoid(connect(pooled, *take_linear(weights, "model.fc", trunk.channels, shape.dimensions)))
    take_linear(weights, "fc_end", shape.dimensions, 1)
    return rows
