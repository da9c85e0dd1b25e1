"""Import of the published checkpoint layouts: .pth in, safetensors and manifest out. Nothing is unpickled blindly."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cxrgate.core import ModelError
from cxrgate.core.digest import file_digest
from cxrgate.models.manifest import ModelKind, ModelManifest
from cxrgate.models.networks.architectures import Architecture, RetrievalArchitecture, VerificationArchitecture
from cxrgate.models.networks.build import build_network
from cxrgate.models.preprocess import Preprocessing
from cxrgate.models.store import save_model

_PUBLISHED: dict[ModelKind, type[RetrievalArchitecture | VerificationArchitecture]] = {
    ModelKind.RETRIEVAL: RetrievalArchitecture,
    ModelKind.VERIFICATION: VerificationArchitecture,
}
_WRAPPERS = ("module.", "model.")
_NESTED = ("state_dict", "model_state_dict")


def import_checkpoint(
    path: Path, folder: Path, kind: ModelKind, preprocessing: Preprocessing, architecture: Architecture | None = None
) -> ModelManifest:
    """Convert a PyTorch checkpoint into a model folder.

    Accepted are plain state dictionaries, resume dictionaries ({epoch, state_dict, ...}), Lightning's, and keys
    prefixed by DataParallel (`module.`) or a wrapping module (`model.`).

    Args:
        path: the .pth file, read with weights_only.
        folder: where the model folder is written.
        kind: which network it is.
        preprocessing: how that checkpoint's inputs were made; see presets.PRESETS.
        architecture: the published one when None.

    Raises:
        ModelError: not a checkpoint of a published kind, or a tensor is missing, surplus, misshapen or not finite.
    """
    if kind not in _PUBLISHED:
        raise ModelError(f"expected a published kind ({', '.join(_PUBLISHED)}), got {kind}")
    shape = architecture or _PUBLISHED[kind]()
    wanted = set(build_network(shape).state_dict())
    state = _unwrap(_state_dict(_read(path)), wanted)
    provenance = {"imported_from_sha256": file_digest(path), "layout": "PyTorch checkpoint"}
    return save_model(folder, kind, shape, preprocessing, state, provenance)


def _read(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelError(f"expected a checkpoint, {path} does not exist") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, zipfile.BadZipFile, ValueError) as error:
        raise ModelError(f"{path}: not a checkpoint that can be read without running its code") from error


def _state_dict(content: Any) -> dict[str, Tensor]:
    for key in _NESTED:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise ModelError("expected a dictionary of tensors, plain or under 'state_dict'")
    return {str(key): value for key, value in content.items()}


def _unwrap(state: dict[str, Tensor], wanted: set[str]) -> dict[str, Tensor]:
    """Take prefixes off all keys until they are the network's; the shape check names what still differs."""
    while not wanted & state.keys():
        prefix = next((p for p in _WRAPPERS if all(key.startswith(p) for key in state)), None)
        if prefix is None:
            break
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    # num_batches_tracked is absent from checkpoints older than PyTorch 0.4.1; inference does not read it.
    absent = {key for key in wanted - state.keys() if key.endswith("num_batches_tracked")}
    return {**state, **{key: torch.zeros((), dtype=torch.int64) for key in absent}}
