"""An immutable snapshot of the enrolled references: arrays that are memory-mapped, and a manifest with their digests.

manifest.json            counts, digests of models, preprocessing and images, the arrays' shapes and sha256
identity.npy             float32[n, d]   retrieval embeddings
features.npy             float32[n, f]   verification features f(x)
copy.npy                 float32[n, c]   copy descriptors, unit length; the manifest names their method or model
reference_ids.npy        uint8[n, 16]    opaque
patient_keys.npy         uint8[n, 16]    opaque
mean_layout.npy          float32[64]     unit length

Under a storage key a snapshot is sealed: each array is NAME.npy.sealed, manifest.sealed vouches for the manifest, and
data.wrapped holds the data key. Counts, digests and shapes stay legible; the digests are those of the plain arrays, so
that a snapshot has the same digest sealed or not. Opened, its arrays are in memory alone.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import SnapshotCorrupt, SnapshotError, StorageCorrupt, StorageError
from cxrgate.core.digest import file_digest, mapping_digest
from cxrgate.storage import WRAPPED, open_data_key, seal, unseal

MANIFEST = "manifest.json"
DATA_KEY = f"data{WRAPPED}"
_SEALED = ".sealed"
_MANIFEST_SEAL = f"manifest{_SEALED}"
_LARGEST_HEADER = 2**16 + 10
"""Of a .npy file of format 1.0."""
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
    """An open snapshot. The large arrays are memory-mapped, or in memory where it is sealed; they are read-only."""

    path: Path
    manifest: SnapshotManifest
    identity: NDArray[np.float32] = field(repr=False)
    features: NDArray[np.float32] = field(repr=False)
    copy: NDArray[np.float32] = field(repr=False)
    reference_ids: NDArray[np.uint8] = field(repr=False)
    patient_keys: NDArray[np.uint8] = field(repr=False)
    mean_layout: NDArray[np.float32] = field(repr=False)
    storage_key: bytes | None = field(default=None, repr=False)
    """The key that it was opened with, for snapshots that are made from it; None where it is not sealed."""

    @classmethod
    def open(cls, path: Path, storage_key: bytes | None = None) -> Snapshot:
        """Map the arrays and check their shapes; milliseconds for a million references. `verify` reads every byte.

        With a storage key the snapshot must be sealed, and every byte is read and checked here.

        Raises:
            SnapshotError: no snapshot, one of another format, one that is sealed when no key is given or the other
                way round, or sealed with another key.
            SnapshotCorrupt: the manifest's digest, an array's dtype or shape is not what the manifest says, or a
                sealed file was changed.
        """
        manifest = read_manifest(path)
        if storage_key is None:
            if (path / DATA_KEY).exists():
                raise SnapshotError(f"expected the storage key of the sealed snapshot {path}")
            arrays: dict[str, Any] = {name: _map(path, name, manifest.arrays[name]) for name in ARRAYS}
            return cls(path, manifest, **arrays)
        return cls(path, manifest, **_unsealed(path, manifest, storage_key), storage_key=storage_key)

    def verify(self) -> None:
        """Raise SnapshotCorrupt unless every array has the sha256 of the manifest; of a sealed one that is known."""
        if self.storage_key is not None:
            return
        with ThreadPoolExecutor() as pool:
            digests = pool.map(lambda name: file_digest(array_path(self.path, name)), ARRAYS)
            found = dict(zip(ARRAYS, digests, strict=True))
        for name, sha256 in found.items():
            if sha256 != self.manifest.arrays[name].sha256:
                raise SnapshotCorrupt(f"{array_path(self.path, name)}: its content is not what the manifest names")


def array_path(folder: Path, name: str) -> Path:
    """Where an array lies."""
    return folder / f"{name}.npy"


def write_array(folder: Path, name: str, array: NDArray[Any], data_key: bytes | None = None) -> ArrayEntry:
    """Write an array, sealed where a data key is given, and give its entry: the same either way."""
    if data_key is None:
        np.save(array_path(folder, name), array)
        return describe_array(folder, name)
    array, header = np.ascontiguousarray(array), io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    parts: list[bytes | memoryview] = [header.getvalue(), array.data.cast("B")]
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part)
    seal(_sealed_path(folder, name), name, data_key, parts)
    return ArrayEntry(array.dtype.str, tuple(array.shape), sha.hexdigest())


def describe_array(folder: Path, name: str) -> ArrayEntry:
    """The entry of an array that has been written."""
    array = np.load(array_path(folder, name), mmap_mode="r", allow_pickle=False)
    return ArrayEntry(array.dtype.str, tuple(array.shape), file_digest(array_path(folder, name)))


def write_manifest(folder: Path, manifest: SnapshotManifest, data_key: bytes | None = None) -> None:
    """Write `manifest.json`, and what vouches for it where a data key is given."""
    content = {**manifest.to_json(), "digest": manifest.digest}
    if data_key is not None:
        seal(folder / _MANIFEST_SEAL, "manifest", data_key, [manifest.digest.encode()])
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


def _sealed_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.npy{_SEALED}"


def _unsealed(path: Path, manifest: SnapshotManifest, storage_key: bytes) -> dict[str, Any]:
    if not (path / DATA_KEY).exists():
        raise SnapshotError(f"expected a sealed snapshot, for a storage key is given; {path} is not")
    try:
        data_key = open_data_key(path / DATA_KEY, storage_key)
        if unseal(path / _MANIFEST_SEAL, "manifest", data_key) != manifest.digest.encode():
            raise SnapshotCorrupt(f"{path / MANIFEST}: expected the manifest that was sealed")
        with ThreadPoolExecutor() as pool:
            arrays = pool.map(lambda name: _unsealed_array(path, name, manifest.arrays[name], data_key), ARRAYS)
            return dict(zip(ARRAYS, arrays, strict=True))
    except (StorageCorrupt, OSError) as error:
        raise SnapshotCorrupt(f"{path}: {error}") from error
    except StorageError as error:
        raise SnapshotError(str(error)) from error


def _unsealed_array(path: Path, name: str, entry: ArrayEntry, data_key: bytes) -> NDArray[Any]:
    """The array over the bytes that were unsealed, without a copy."""
    file = _sealed_path(path, name)
    content = unseal(file, name, data_key)
    header = io.BytesIO(content[:_LARGEST_HEADER])
    if hashlib.sha256(content).hexdigest() != entry.sha256 or np.lib.format.read_magic(header) != (1, 0):
        raise SnapshotCorrupt(f"{file}: its content is not what the manifest names")
    shape, _fortran, dtype = np.lib.format.read_array_header_1_0(header)
    if dtype.hasobject or (dtype.str, shape) != (entry.dtype, entry.shape):
        raise SnapshotCorrupt(f"{file}: expected {entry.dtype}{entry.shape}, got {dtype.str}{shape}")
    array = np.frombuffer(content, dtype, offset=header.tell()).reshape(shape)
    array.flags.writeable = False
    return array
