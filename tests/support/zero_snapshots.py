"""Snapshots of zeros, written without any image: the arrays are sparse files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cxrgate.index.array_files import array_path, describe_array
from cxrgate.index.keys import ID_BYTES
from cxrgate.index.manifest import ARRAYS, ArrayEntry, SnapshotManifest, write_manifest

_COLUMNS = {
    "identity": (np.float32, 128),
    "features": (np.float32, 128),
    "copy": (np.float32, 256),
    "reference_ids": (np.uint8, ID_BYTES),
    "patient_keys": (np.uint8, ID_BYTES),
}


def write_zeros(folder: Path, count: int, *, digests: bool = True) -> Path:
    """Write a snapshot of `count` references; without `digests` the arrays' own are made up, which saves reading."""
    folder.mkdir()
    for name, (dtype, width) in _COLUMNS.items():
        np.lib.format.open_memmap(array_path(folder, name), "w+", dtype=dtype, shape=(count, width)).flush()
    np.save(array_path(folder, "mean_layout"), np.zeros(64, np.float32))
    arrays = {name: describe_array(folder, name) if digests else _shape(folder, name) for name in ARRAYS}
    write_manifest(folder, SnapshotManifest(count, count, 0, "retrieval", "verification", "copy", "images", arrays))
    return folder


def _shape(folder: Path, name: str) -> ArrayEntry:
    array = np.load(array_path(folder, name), mmap_mode="r")
    return ArrayEntry(array.dtype.str, array.shape, "0" * 64)
