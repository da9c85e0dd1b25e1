"""Import of the published checkpoint layouts: .pth in, safetensors and manifest out. Nothing is unpickled blindly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cxrgate.core import ModelError
from cxrgate.core.digest import file_digest
from cxrgate.models.checkpoint_file import read_checkpoint_file
from cxrgate.models.manifest import ModelKind, ModelManifest
from cxrgate.models.networks.architectures import (
    Architecture,
    ResidualEmbedderArchitecture,
    RetrievalArchitecture,
    VerificationArchitecture,
)
from cxrgate.models.networks.build import build_network
from cxrgate.models.networks.trunk_sizes import RESIDUAL
from cxrgate.models.preprocess import Preprocessing
from cxrgate.models.store import save_model

_PUBLISHED: dict[ModelKind, type[RetrievalArchitecture | VerificationArchitecture]] = {
    ModelKind.RETRIEVAL: RetrievalArchitecture,
    ModelKind.VERIFICATION: VerificationArchitecture,
}
_WRAPPERS = ("module.", "model.", "_orig_mod.", "net.")
"""What DataParallel, Lightning and other modules around the network, and torch.compile put before each name."""
_NESTED = ("state_dict", "model_state_dict", "model", "net")
_BOTTLENECK = "layer1.0.conv3.weight"
_B_COS = "conv1.linear.weight"


def import_checkpoint(
    path: Path,
    folder: Path,
    kind: ModelKind,
    preprocessing: Preprocessing,
    architecture: Architecture | Callable[[Mapping[str, Tensor]], Architecture] | None = None,
) -> ModelManifest:
    """Convert a PyTorch checkpoint into a model folder.

    Accepted are plain state dictionaries, dictionaries that hold one as `state_dict`, `model_state_dict`, `model` or
    `net`, and keys prefixed by DataParallel (`module.`), torch.compile (`_orig_mod.`) or a wrapping module (`model.`,
    `net.`).

    Args:
        path: the .pth file, read with weights_only.
        folder: where the model folder is written.
        kind: which network it is.
        preprocessing: how that checkpoint's inputs were made; see presets.PRESETS.
        architecture: Packhäuser's when None; or what tells it by the tensors, see residual_embedder.

    Raises:
        ModelError: not a checkpoint of a published kind, or a tensor is missing, surplus, misshapen or not finite.
    """
    if kind not in _PUBLISHED:
        raise ModelError(f"no {kind} model was published, only {', '.join(_PUBLISHED)}: name one of these")
    state = _state_dict(read_checkpoint_file(path))
    shape = architecture(_bare(state)) if callable(architecture) else architecture or _PUBLISHED[kind]()
    wanted = set(build_network(shape).state_dict())
    provenance = {"imported_from_sha256": file_digest(path), "layout": "PyTorch checkpoint"}
    return save_model(folder, kind, shape, preprocessing, _unwrap(state, wanted), provenance)


def residual_embedder(state: Mapping[str, Tensor]) -> ResidualEmbedderArchitecture:
    """The shape of a residual network with a fully connected head, told by its tensors.

    Raises:
        ModelError: it is none, or one whose layers are others.
    """
    if _B_COS in state:
        raise ModelError("the checkpoint is of a B-cos network, whose layers cxrgate lacks: use a plain ResNet's")
    stages = ({key.split(".")[1] for key in state if key.startswith(f"layer{stage}.")} for stage in range(1, 5))
    blocks, narrows = tuple(map(len, stages)), _BOTTLENECK in state
    trunk = next((name for name, size in RESIDUAL.items() if (size.blocks, size.narrows) == (blocks, narrows)), None)
    if trunk is None or "fc.weight" not in state:
        raise ModelError("the checkpoint is no ResNet with conv1, layer1 to layer4 and fc: choose another preset")
    first, last = state["fc.weight"], state.get("embedding_layer.weight")
    hidden = 0 if last is None else int(first.shape[0])
    return ResidualEmbedderArchitecture(trunk, hidden, int((first if last is None else last).shape[0]))


def _state_dict(content: Any) -> dict[str, Tensor]:
    while isinstance(content, Mapping) and (inner := _inner(content)) is not None:
        content = inner
    if not isinstance(content, Mapping) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise ModelError(
            "the checkpoint holds no dictionary of tensors, plain or under 'state_dict': check which file it is"
        )
    return {str(key): value for key, value in content.items()}


def _inner(content: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The dictionary that the checkpoint's holds its tensors in, None where they are in itself."""
    found = (content.get(key) for key in _NESTED)
    return next((value for value in found if isinstance(value, Mapping)), None)


def _bare(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state without any prefix that all keys share."""
    while (prefix := _shared_prefix(state)) is not None:
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _shared_prefix(state: Mapping[str, Tensor]) -> str | None:
    return next((prefix for prefix in _WRAPPERS if all(key.startswith(prefix) for key in state)), None)


def _unwrap(state: dict[str, Tensor], wanted: set[str]) -> dict[str, Tensor]:
    """Take prefixes off all keys until they are the network's; the shape check names what still differs."""
    while not wanted & state.keys():
        prefix = _shared_prefix(state)
        if prefix is None:
            break
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    # num_batches_tracked is absent from checkpoints older than PyTorch 0.4.1; inference does not read it.
    absent = {key for key in wanted - state.keys() if key.endswith("num_batches_tracked")}
    return {**state, **{key: torch.zeros((), dtype=torch.int64) for key in absent}}
