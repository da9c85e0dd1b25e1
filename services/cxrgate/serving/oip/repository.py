"""A model repository for servers of the Open Inference Protocol, from model folders.

    retrieval/1/model.onnx       the graph, its outputs named by the model's digest
    retrieval/config.pbtxt       Triton's settings
    retrieval/model.json         the manifest, for people
    config.json                  OpenVINO Model Server's list of all models here

Equal models are exported to equal bytes, by the same versions of PyTorch and its exporter.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from cxrgate.core import ModelError
from cxrgate.models.manifest import MANIFEST, ModelManifest, read_manifest
from cxrgate.models.onnx_graph import export_graph, run_graph
from cxrgate.models.runtimes.forward import open_forward
from cxrgate.serving.codec import images_per_request
from cxrgate.serving.known_answer import make_known_answer
from cxrgate.serving.oip.tensors import PIXELS, TICKETS, Names
from cxrgate.storage import EVERYBODY_MODE, replaced_folder, write_durably

GRAPH = "model.onnx"
TRITON, OPENVINO = "config.pbtxt", "config.json"

TOLERANCE = 1e-5
"""Of the largest number: how far the graph's rows may be from the runtime's. They are about 3e-7 off."""


def export_model(folder: Path, repository: Path) -> ModelManifest:
    """Write `repository`/KIND, whole or not at all; an older one is replaced.

    Raises:
        ModelError: the folder is not what its manifest says, or its graph gives other rows than it does.
    """
    manifest = read_manifest(folder)
    target = repository / manifest.kind.value
    if target.resolve() == folder.resolve():
        raise ModelError(f"{repository} is the models' own folder: name another one to export into")
    names = Names(manifest.digest)
    graph = export_graph(folder, [names.rows, names.tickets])
    known = make_known_answer(open_forward(folder))
    off = np.abs(run_graph(graph, known.images()) - known.features).max() / np.abs(known.features).max()
    if not off <= TOLERANCE:
        raise ModelError(f"{folder}: the graph is {off:.1g} off what the model answers, {TOLERANCE:g} is allowed")
    with replaced_folder(target, everybodys=True) as partial:
        (partial / "1").mkdir()
        (partial / "1" / GRAPH).write_bytes(graph.SerializeToString(deterministic=True))
        (partial / TRITON).write_text(triton_config(manifest))
        shutil.copyfile(folder / MANIFEST, partial / MANIFEST)
    write_durably(repository / OPENVINO, openvino_config(repository).encode(), EVERYBODY_MODE)
    return manifest


def triton_config(manifest: ModelManifest) -> str:
    """Triton's `config.pbtxt`. Requests are packed by the caller, so that the server gathers nothing."""
    names, shape = Names(manifest.digest), manifest.preprocessing
    tensors = [
        ("input", PIXELS, "TYPE_UINT8", [1, shape.height, shape.width]),
        ("input", TICKETS, "TYPE_INT64", [1]),
        ("output", names.rows, "TYPE_FP32", [manifest.architecture.outputs]),
        ("output", names.tickets, "TYPE_INT64", [1]),
    ]
    lines = [
        f'name: "{manifest.kind.value}"',
        'backend: "onnxruntime"',
        f"max_batch_size: {images_per_request(shape)}",
        *[f'{part} {{ name: "{name}" data_type: {kind} dims: {dims} }}' for part, name, kind, dims in tensors],
        f'parameters {{ key: "model_digest" value {{ string_value: "{manifest.digest}" }} }}',
    ]
    return "\n".join(lines) + "\n"


def openvino_config(repository: Path) -> str:
    """OpenVINO Model Server's `config.json`: every model of the repository, by paths below where it is mounted.

    Without the hint OpenVINO computes in bfloat16 on processors that can.
    """
    kinds = sorted(path.parent.parent.name for path in repository.glob(f"*/1/{GRAPH}"))
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    models = [{"config": {"name": kind, "base_path": f"/models/{kind}", "plugin_config": settings}} for kind in kinds]
    return json.dumps({"model_config_list": models}, indent=2) + "\n"
