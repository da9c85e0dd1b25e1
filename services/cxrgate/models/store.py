"""Write and read a model's weights, every shape checked. safetensors only: nothing is unpickled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor, nn

from cxrgate.core import ModelError
from cxrgate.core.digest import file_digest
from cxrgate.models.manifest import (
    WEIGHTS,
    Dtype,
    ModelKind,
    ModelManifest,
    read_manifest,
    read_weights,
    write_manifest,
)
from cxrgate.models.networks.architectures import Architecture
from cxrgate.models.networks.build import build_network
from cxrgate.models.preprocess import Preprocessing
from cxrgate.storage import replaced_folder


@dataclass(frozen=True, slots=True, eq=False)
class StoredModel:
    """A manifest and its network in float32 and eval mode."""

    manifest: ModelManifest
    network: nn.Module


def check_shapes(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Raise ModelError unless `state` has exactly the network's tensors, with their shapes, all finite."""
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    missing, surplus = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    if missing or surplus:
        raise ModelError(
            f"the tensors are not those of the architecture: {missing[:3]} are missing, {surplus[:3]} are too many"
        )
    for name, shape in expected.items():
        if tuple(state[name].shape) != shape:
            raise ModelError(f"{name} has the shape {list(state[name].shape)}, the architecture wants {list(shape)}")
        if state[name].is_floating_point() and not torch.isfinite(state[name]).all():
            raise ModelError(f"{name} holds numbers that are not finite")


def save_model(
    folder: Path,
    kind: ModelKind,
    architecture: Architecture,
    preprocessing: Preprocessing,
    state: Mapping[str, Tensor],
    provenance: Mapping[str, Any],
    *,
    dtype: Dtype = Dtype.FLOAT32,
    threshold: float | None = None,
) -> ModelManifest:
    """Write a model folder whole or not at all; an older one of the same name is replaced.

    Raises:
        ModelError: the tensors are not the architecture's.
        ValueError: the architecture cannot be of that kind.
    """
    check_shapes(build_network(architecture), state)
    with replaced_folder(folder, everybodys=True) as partial:
        save_file({key: value.detach().cpu().contiguous() for key, value in state.items()}, partial / WEIGHTS)
        sha256 = file_digest(partial / WEIGHTS)
        manifest = ModelManifest(folder.name, kind, architecture, preprocessing, dtype, sha256, threshold, provenance)
        write_manifest(partial, manifest)
    return manifest


def load_model(folder: Path, manifest: ModelManifest | None = None) -> StoredModel:
    """Read a model folder, with digest and shapes checked.

    Args:
        folder: the model folder.
        manifest: the folder's as it was read; None reads it.

    Raises:
        ModelError: the folder, its digest or a tensor is not what the manifest says.
    """
    manifest = manifest or read_manifest(folder)
    try:
        state = load(read_weights(folder, manifest))
    except SafetensorError as error:
        raise ModelError(f"{folder / WEIGHTS}: {error}") from error
    network = build_network(manifest.architecture)
    check_shapes(network, state)
    network.load_state_dict(state)
    return StoredModel(manifest, network.eval())
