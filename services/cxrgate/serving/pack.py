"""A model folder to what TorchServe loads: a plain folder, no archive.

TorchServe 0.12 takes a folder of its model store as it is when MAR-INF/MANIFEST.json is in it: nothing is zipped,
unpacked, or stamped with the time, so equal models pack to equal bytes.

    MAR-INF/MANIFEST.json   names the handler, which is installed with cxrgate
    model-config.yaml       TorchServe's settings of the model
    model.json, weights.safetensors, canary.json
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import yaml

from cxrgate.core import ModelError
from cxrgate.models.manifest import MANIFEST, WEIGHTS, ModelManifest
from cxrgate.models.runtimes.forward import open_forward
from cxrgate.serving.known_answer import make_known_answer, write_known_answer
from cxrgate.storage import replaced_folder

HANDLER = "cxrgate.serving.torchserve.handler"
CONFIG = "model-config.yaml"
JOB_QUEUE = 100
"""Requests that TorchServe holds per model. Callers stay below it: a full queue answers with a misleading status."""

_CONFIG = {
    # Requests are packed: what TorchServe would gather is a batch already.
    "batchSize": 1,
    "maxBatchDelay": 1,
    "jobQueueSize": JOB_QUEUE,
    # Seconds; a worker that takes longer is killed and started again.
    "responseTimeout": 60,
    "startupTimeout": 180,
}


def pack_model(folder: Path, store: Path) -> ModelManifest:
    """Write `store`/KIND, whole or not at all; an older one is replaced.

    Raises:
        ModelError: the model folder is not what its manifest says.
    """
    forward = open_forward(folder)
    target = store / forward.manifest.kind.value
    if target.resolve() == folder.resolve():
        raise ModelError(f"{store} is the models' own folder: name another one to pack into")
    with replaced_folder(target, everybodys=True) as partial:
        (partial / "MAR-INF").mkdir()
        for name in (MANIFEST, WEIGHTS):
            shutil.copyfile(folder / name, partial / name)
        write_known_answer(partial, make_known_answer(forward))
        (partial / CONFIG).write_text(yaml.safe_dump(_CONFIG))
        (partial / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(_archive(forward.manifest), indent=2) + "\n")
    return forward.manifest


def _archive(manifest: ModelManifest) -> dict[str, object]:
    return {
        "runtime": "python",
        "model": {
            "modelName": manifest.kind.value,
            "modelVersion": "1.0",
            "handler": HANDLER,
            "configFile": CONFIG,
        },
        "archiverVersion": "0.12.0",
    }
