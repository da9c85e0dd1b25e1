"""A model folder as an ONNX graph, for servers that load one. PyTorch's exporter writes it.

    pixels uint8[n, 1, height, width]  ─▶ normalised ─▶ network ─▶ rows float32[n, outputs]
    tickets int64[n, 1]                ────────────────────────▶ tickets int64[n, 1]

Resizing is left to the caller: Pillow's filter is a part of the preprocessing, and no server has it. The names of the
outputs are the caller's.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cxrgate.core import ModelError
from cxrgate.models.manifest import Dtype
from cxrgate.models.preprocess import Preprocessing
from cxrgate.models.runtimes.openvino.library import openvino
from cxrgate.models.runtimes.pytorch import folded
from cxrgate.models.store import StoredModel, load_model

OPSET = 18
"""ONNX 1.13 and newer read it; it is what PyTorch's exporter writes without a conversion."""


class _Served(nn.Module):
    """What is exported."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(preprocessing.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(preprocessing.std).view(1, 3, 1, 1))

    def forward(self, pixels: Tensor, tickets: Tensor) -> tuple[Tensor, Tensor]:
        grey = pixels.to(torch.float32) / 255
        return self.network((grey - self.mean) / self.std), tickets.clone()


class _MaxPool(nn.Module):
    """nn.AdaptiveMaxPool2d in operations that ONNX has, for sides that are known."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        rows = [x[:, :, a:b].amax(2, keepdim=True) for a, b in self._windows(x.shape[2])]
        columns = self._windows(x.shape[3])
        return torch.cat([torch.cat([row[..., a:b].amax(3, keepdim=True) for a, b in columns], 3) for row in rows], 2)

    def _windows(self, length: int) -> list[tuple[int, int]]:
        return [(i * length // self.side, math.ceil((i + 1) * length / self.side)) for i in range(self.side)]


def export_graph(folder: Path, outputs: Sequence[str]) -> onnx.ModelProto:
    """The model of a folder; `outputs` names the rows and the tickets.

    Raises:
        ModelError: the folder is not what its manifest says, or the model computes in 16 bits.
    """
    model = load_model(folder)
    if model.manifest.dtype is not Dtype.FLOAT32:
        raise ModelError(
            f"{folder} computes in {model.manifest.dtype}: which 16 bits a server would compute in is not known, so "
            "export the float32 model that it was cast from"
        )
    return _without_paths(_exported(model, outputs))


def _exported(model: StoredModel, outputs: Sequence[str]) -> onnx.ModelProto:
    shape = model.manifest.preprocessing
    # Two images: PyTorch takes a first side of one for a constant.
    example = torch.zeros(2, 1, shape.height, shape.width, dtype=torch.uint8), torch.zeros(2, 1, dtype=torch.int64)
    network = folded(model.network)
    for name, part in list(network.named_modules()):
        if isinstance(part, nn.AdaptiveMaxPool2d):
            network.set_submodule(name, _MaxPool(_side(part)))
    free = tuple({0: torch.export.Dim(name, min=1)} for name in ("images", "tickets"))
    with warnings.catch_warnings():
        # Deprecations inside the exporter itself.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _Served(network, shape).eval(),
            example,
            dynamo=True,
            verbose=False,
            input_names=["pixels", "tickets"],
            output_names=list(outputs),
            dynamic_shapes=free,
            opset_version=OPSET,
        )
    if program is None:
        raise ModelError("PyTorch's exporter gave no graph")
    return program.model_proto


def _side(pool: nn.AdaptiveMaxPool2d) -> int:
    size: Any = pool.output_size
    return int(size if isinstance(size, int) else size[0])


def _without_paths(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Without the source lines of this host that the exporter notes at every node."""
    del graph.metadata_props[:]
    parts: tuple[Any, ...] = (graph.graph, *graph.graph.node, *graph.graph.initializer, *graph.graph.value_info)
    for part in parts:
        part.doc_string = ""
        del part.metadata_props[:]
    onnx.checker.check_model(graph)
    return graph


def run_graph(graph: onnx.ModelProto, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The rows float32[n, outputs] of images uint8[n, height, width], computed by OpenVINO in float32.

    Raises:
        ModelError: OpenVINO cannot read the graph, or the tickets do not come back.
    """
    tickets = np.arange(len(pixels), dtype=np.int64)[:, np.newaxis]
    try:
        core = openvino.Core()
        compiled = core.compile_model(
            core.read_model(graph.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": openvino.Type.f32}
        )
        found = compiled({"pixels": pixels[:, np.newaxis], "tickets": tickets})
    except RuntimeError as error:
        raise ModelError(f"the exported graph cannot be run: {error}") from error
    if not np.array_equal(found[1], tickets):
        raise ModelError("the exported graph does not give its tickets back")
    return np.array(found[0], np.float32)
