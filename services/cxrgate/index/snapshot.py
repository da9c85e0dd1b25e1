"""An immutable snapshot of the enrolled references: arrays that are memory-mapped, and a manifest with their digests.

manifest.json            counts, digests of models, preprocessing and images, the arrays' shapes and sha256
identity.npy             float32[n, d]   retrieval embeddings
features.npy             float32[n, f]   verification features f(x)
copy.npy                 float32[n, c]   copy descriptors, unit length; the manifest names their method or model
reference_ids.npy        uint8[n, 16]    opaque
patient_keys.npy         uint8[n, 16]    opaque
mean_layout.npy          float32[64]     unit length
PART.ARRAY.npy           the arrays of optional parts (format 2); see manifest

Under a storage key a snapshot is sealed: each array is NAME.npy.sealed, manifest.sealed vouches for the manifest, and
data.wrapped holds the data key. Counts, digests and shapes stay legible; the digests are those of the plain arrays, so
that a snapshot has the same digest sealed or not. Opened, its arrays are in memory alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import SnapshotCorrupt, SnapshotError, StorageCorrupt, StorageError
from cxrgate.core.digest import file_digest
from cxrgate.core.spaces import IDENTITY
from cxrgate.index.array_files import array_path, map_array, read_array, unsealed_array
from cxrgate.index.manifest import (
    ARRAYS,
    MANIFEST,
    MANIFEST_SEAL,
    ArrayEntry,
    PartName,
    SnapshotManifest,
    read_manifest,
)
from cxrgate.index.memory import free_memory
from cxrgate.index.parts import Part
from cxrgate.storage import WRAPPED, open_data_key, unseal

DATA_KEY = f"data{WRAPPED}"


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """An open snapshot. The large arrays are memory-mapped, or in memory (see in_memory, and where it is sealed)."""

    path: Path
    manifest: SnapshotManifest
    arrays: Mapping[str, NDArray[Any]] = field(repr=False)
    """Those of manifest.ARRAYS by name, and so the descriptors of each space by the space's name."""
    parts: Mapping[PartName, Part] = field(default_factory=dict)
    """The optional parts that it has."""
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
                raise SnapshotError(f"{path} is sealed: name its storage key")
            found = {name: map_array(path, name, entry) for name, entry in manifest.files.items()}
        else:
            found = _unsealed(path, manifest, storage_key)
        arrays = {name: found[name] for name in ARRAYS}
        return cls(path, manifest, arrays, parts=_parts(manifest, found), storage_key=storage_key)

    @property
    def identity(self) -> NDArray[np.float32]:
        """The retrieval embeddings, float32[n, d]."""
        return self.arrays[IDENTITY]

    @property
    def features(self) -> NDArray[np.float32]:
        """The verification features f(x), float32[n, f]."""
        return self.arrays["features"]

    @property
    def reference_ids(self) -> NDArray[np.uint8]:
        """Opaque, uint8[n, 16]."""
        return self.arrays["reference_ids"]

    @property
    def patient_keys(self) -> NDArray[np.uint8]:
        """Opaque, uint8[n, 16]."""
        return self.arrays["patient_keys"]

    @property
    def mean_layout(self) -> NDArray[np.float32]:
        """Of the references, float32[64] of unit length."""
        return self.arrays["mean_layout"]

    @property
    def is_mapped(self) -> bool:
        """Whether the arrays are the files', so that they change where somebody writes into those."""
        return isinstance(self.identity, np.memmap)

    def in_memory(self) -> Snapshot:
        """The same snapshot, checked, in memory of this process alone: nobody who writes into its files changes it.

        Where that takes more than half of the free memory the arrays stay mapped; then `verify` has to be asked again
        before what was decided with them is believed.

        Raises:
            SnapshotCorrupt: an array is not what the manifest names.
        """
        entries = self.manifest.files
        if not self.is_mapped:
            return self
        size = sum(np.dtype(entry.dtype).itemsize * math.prod(entry.shape) for entry in set(entries.values()))
        if size > free_memory() / 2:
            self.verify()
            return self
        found = _read_once(entries, lambda name: read_array(self.path, name, entries[name]))
        arrays = {name: found[name] for name in ARRAYS}
        return replace(self, arrays=arrays, parts=_parts(self.manifest, found))

    def verify(self) -> None:
        """Raise SnapshotCorrupt unless every array has the sha256 of the manifest; of one in memory that is known."""
        if not self.is_mapped:
            return
        with ThreadPoolExecutor() as pool:
            digests = pool.map(lambda name: file_digest(array_path(self.path, name)), self.manifest.files)
            found = list(digests)
        for (name, entry), sha256 in zip(self.manifest.files.items(), found, strict=True):
            if sha256 != entry.sha256:
                raise SnapshotCorrupt(f"{array_path(self.path, name)}: its content is not what the manifest names")


def _read_once(entries: Mapping[str, ArrayEntry], read: Callable[[str], NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The arrays, of which those with the same content are one: features are embeddings where both models' are.

    One of their files is read, and checked; nothing is taken from the others.
    """
    names = {entry: name for name, entry in entries.items()}
    with ThreadPoolExecutor() as pool:
        found = dict(zip(names, pool.map(read, names.values()), strict=True))
    return {name: found[entry] for name, entry in entries.items()}


def _parts(manifest: SnapshotManifest, arrays: Mapping[str, NDArray[Any]]) -> dict[PartName, Part]:
    return {
        PartName(name): Part(entry.about, {key: arrays[f"{name}.{key}"] for key in entry.arrays}, entry.per_reference)
        for name, entry in manifest.parts.items()
    }


def _unsealed(path: Path, manifest: SnapshotManifest, storage_key: bytes) -> dict[str, NDArray[Any]]:
    if not (path / DATA_KEY).exists():
        raise SnapshotError(
            f"{path} is not sealed, and a storage key is given: leave the key out, or build a sealed snapshot"
        )
    try:
        data_key = open_data_key(path / DATA_KEY, storage_key)
        if unseal(path / MANIFEST_SEAL, "manifest", data_key) != manifest.digest.encode():
            raise SnapshotCorrupt(f"{path / MANIFEST} is not the manifest that was sealed: it was changed afterwards")
        files = manifest.files
        return _read_once(files, lambda name: unsealed_array(path, name, files[name], data_key))
    except (StorageCorrupt, OSError) as error:
        raise SnapshotCorrupt(f"{path}: {error}") from error
    except StorageError as error:
        raise SnapshotError(str(error)) from error
