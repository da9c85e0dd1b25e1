"""What a gate's models are, with the dtype that each computes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cxrgate.core import ModelError
from cxrgate.gate.config import GateConfig, ModelFolders
from cxrgate.images.descriptors import model_of
from cxrgate.index.manifest import read_manifest as read_snapshot
from cxrgate.models import Dtype, ModelKind, ModelManifest, read_manifest
from cxrgate.models.dtypes import DtypeChoice, fastest, made_with


@dataclass(frozen=True, slots=True)
class DtypeRule:
    """Which dtype models compute in.

    Attributes:
        dtype: None leaves each model as its folder says; `auto` takes what the snapshot was built in and, where there
            is none yet, 16 bits for the models whose band is certified and narrow, on a device that is fast at them.
        snapshot: its folder, which need not exist.
    """

    dtype: DtypeChoice | None = None
    snapshot: Path | None = None

    @classmethod
    def of(cls, config: GateConfig) -> DtypeRule:
        """What a configuration says."""
        return cls(config.dtype, config.snapshot)

    def manifests(self, folders: ModelFolders, device: str) -> dict[ModelKind, ModelManifest]:
        """The models' manifests, each with the dtype to compute in; so digests and bands are that dtype's.

        Raises:
            ModelError: a folder is not what its manifest says, or holds a model of another kind.
            SnapshotError: the snapshot's manifest cannot be read.
        """
        found = _read(folders)
        if self.dtype is None:
            return found
        if self.dtype is not DtypeChoice.AUTO:
            dtype = Dtype(self.dtype.value)
            return {kind: replace(manifest, dtype=dtype) for kind, manifest in found.items()}
        built = _built_with(self.snapshot)
        if built is None:
            return {kind: fastest(manifest, device) for kind, manifest in found.items()}
        return {kind: made_with(manifest, built[kind]) for kind, manifest in found.items()}


AS_STORED = DtypeRule()


def _read(folders: ModelFolders) -> dict[ModelKind, ModelManifest]:
    paths = folders.paths
    found = {kind: read_manifest(path) for kind, path in paths.items()}
    for kind, manifest in found.items():
        if manifest.kind is not kind:
            raise ModelError(
                f"{paths[kind]} holds a {manifest.kind} model where a {kind} model belongs: check `models:`"
            )
    return found


def _built_with(snapshot: Path | None) -> Mapping[ModelKind, str] | None:
    """The digests of the models that a snapshot was built with; None where there is no snapshot."""
    if snapshot is None or not snapshot.exists():
        return None
    manifest = read_snapshot(snapshot)
    return {
        ModelKind.RETRIEVAL: manifest.retrieval,
        ModelKind.VERIFICATION: manifest.verification,
        **{ModelKind(name): model_of(name, method) for name, method in manifest.methods.items()},
    }
