"""An immutable snapshot of the enrolled references: arrays that are memory-mapped, and a manifest with their digests.

manifest.json            counts, digests of models, preprocessing and images, the arrays' shapes and sha256
identity.npy             float32[n, d]   retrieval embeddings
features.npy             float32[n, f]   verification features f(x)
copy.npy                 float32[n, c]   copy descriptors, unit length; the manifest names their method or model
reference_ids.npy        uint8[n, 16]    opaque
patient_keys.npy         uint8[n, 16]    opaque
mean_layout.npy          float32[64]     unit length
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import SnapshotCorrupt, SnapshotError
from cxrgate.core.digest import file_digest, mapping_digest

MANIFEST = "manifest.json"
FORMAT = 1
ARRAYS = ("identity", "features", "copy", "reference_ids", "patient_keys", "mean_layout")


@dataclass(frozen=True, slots=True)
class ArrayEntry:
    """What one array file must be."""

    dtype: str
    shape: tuple[int, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class SnapshotManifest:
    """What a snapshot is. `images` is the digest over the pixel digests of all enrolled images, in order."""

    references: int
    patients: int
    excluded: int
    retrieval: str
    verification: str
    copy_method: str
    images: str
    arrays: Mapping[str, ArrayEntry] = field(repr=False)

    @property
    def digest(self) -> str:
        """Sha256 over all of the manifest, and so over every byte of the snapshot."""
        return mapping_digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The manifest as it is written, without the digest."""
        return {"format": FORMAT, **asdict(self)}


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """An open snapshot. The large arrays are memory-mapped and read-only."""

    path: Path
    manifest: SnapshotManifest
    identity: NDArray[np.float32] = field(repr=False)
    features: NDArray[np.float32] = field(repr=False)
    copy: NDArray[np.float32] = field(repr=False)
    reference_ids: NDArray[np.uint8] = field(repr=False)
    patient_keys: NDArray[np.uint8] = field(repr=False)
    mean_layout: NDArray[np.float32] = field(repr=False)

    @classmethod
    def open(cls, path: Path) -> Snapshot:
        """Map the arrays and check their shapes; milliseconds for a million references. `verify` reads every byte.

        Raises:
            SnapshotError: no snapshot, or one of another format.
            SnapshotCorrupt: the manifest's digest, an array's dtype or shape is not what the manifest says.
        """
        manifest = read_manifest(path)
        arrays = {name: _map(path, name, manifest.arrays[name]) for name in ARRAYS}
        return cls(path, manifest, **arrays)

    def verify(self) -> None:
        """Raise SnapshotCorrupt unless every array file has the sha256 of the manifest."""
        with ThreadPoolExecutor() as pool:
            digests = pool.map(lambda name: file_digest(array_path(self.path, name)), ARRAYS)
            found = dict(zip(ARRAYS, digests, strict=True))
        for name, sha256 in found.items():
            if sha256 != self.manifest.arrays[name].sha256:
                raise SnapshotCorrupt(f"{array_path(self.path, name)}: its content is not what the manifest names")


def array_path(folder: Path, name: str) -> Path:
    """Where an array lies."""
    return folder / f"{name}.npy"


def describe_array(folder: Path, name: str) -> ArrayEntry:
    """The entry of an array that has been written."""
    array = np.load(array_path(folder, name), mmap_mode="r", allow_pickle=False)
    return ArrayEntry(array.dtype.str, tuple(array.shape), file_digest(array_path(folder, name)))


def write_manifest(folder: Path, manifest: SnapshotManifest) -> None:
    """Write `manifest.json`."""
    content = {**manifest.to_json(), "digest": manifest.digest}
    (folder / MANIFEST).write_text(json.dumps(content, indent=2) + "\n")


def read_manifest(path: Path) -> SnapshotManifest:
    """Read `manifest.json` and check its digest; errors as Snapshot.open."""
    try:
        value = json.loads((path / MANIFEST).read_text())
        if value.pop("format") != FORMAT:
            raise SnapshotError(f"{path}: expected snapshot format {FORMAT}")
        stated = value.pop("digest")
        entries = {name: ArrayEntry(e["dtype"], tuple(e["shape"]), e["sha256"]) for name, e in value["arrays"].items()}
        manifest = SnapshotManifest(**{**value, "arrays": entries})
    except FileNotFoundError as error:
        raise SnapshotError(f"expected a snapshot with {MANIFEST}, got {path}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SnapshotCorrupt(f"{path / MANIFEST}: {error}") from error
    if stated != manifest.digest or set(entries) != set(ARRAYS):
        raise SnapshotCorrupt(f"{path / MANIFEST}: expected digest {manifest.digest}, it states {stated}")
    return manifest


def _map(path: Path, name: str, entry: ArrayEntry) -> NDArray[Any]:
    file = array_path(path, name)
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SnapshotCorrupt(f"{file}: {error}") from error
    if (array.dtype.str, tuple(array.shape)) != (entry.dtype, entry.shape):
        raise SnapshotCorrupt(f"{file}: expected {entry.dtype}{entry.shape}, got {array.dtype.str}{array.shape}")
    return np.asarray(array) if name == "mean_layout" else array
