"""The files of a snapshot's arrays: NAME.npy, or NAME.npy.sealed under a data key."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import SnapshotCorrupt
from cxrgate.core.digest import file_digest
from cxrgate.index.manifest import ArrayEntry
from cxrgate.storage import seal, unseal
from cxrgate.storage.array_headers import ARRAY_HEADERS

_SEALED = ".sealed"
BLOCK = 2**25
"""Bytes of rows that are copied at a time, about."""

_LARGEST_HEADER = 2**16 + 10
"""Of a .npy file of format 1.0."""


def array_path(folder: Path, name: str) -> Path:
    """Where an array lies."""
    return folder / f"{name}.npy"


def join_rows(
    folder: Path,
    name: str,
    rows: NDArray[Any],
    kept: NDArray[np.int64],
    added: NDArray[Any],
    data_key: bytes | None = None,
) -> NDArray[Any]:
    """Some rows of an array, and others behind them, block by block into the new array's file, which is mapped.

    Under a data key they are joined in memory: on the disk they lie sealed or not at all. OSError where
    the disk is full.

    Args:
        folder: of the new array; without a data key the file must not exist, and write_array finds it there.
        name: of the new array.
        rows: of the old one, which may be mapped.
        kept: int64[m], those that stay, in order.
        added: of the same dtype and width.
        data_key: that write_array will seal the new array with.
    """
    shape = (len(kept) + len(added), *rows.shape[1:])
    if data_key is None:
        joined: NDArray[Any] = np.lib.format.open_memmap(array_path(folder, name), "w+", rows.dtype, shape)
        _take_room(array_path(folder, name))
    else:
        joined = np.empty(shape, rows.dtype)
    size = max(1, BLOCK // max(1, joined[:1].nbytes))
    for first in range(0, len(kept), size):
        some = kept[first : first + size]
        joined[first : first + len(some)] = rows[some]
    joined[len(kept) :] = added
    return joined


def _take_room(path: Path) -> None:
    """All of a new file's bytes: a full disk is an OSError here, and the end of the process in a mapped file."""
    with path.open("rb+") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def write_array(folder: Path, name: str, array: NDArray[Any], data_key: bytes | None = None) -> ArrayEntry:
    """Write an array, sealed where a data key is given, and give its entry: the same either way.

    What join_rows has brought to its file is there already.
    """
    if data_key is None:
        if isinstance(array, np.memmap) and Path(array.filename or "") == array_path(folder, name).resolve():
            array.flush()
        else:
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
    with ARRAY_HEADERS:
        array = np.load(array_path(folder, name), mmap_mode="r", allow_pickle=False)
    return ArrayEntry(array.dtype.str, tuple(array.shape), file_digest(array_path(folder, name)))


def map_array(folder: Path, name: str, entry: ArrayEntry) -> NDArray[Any]:
    """The array, mapped and read-only; SnapshotCorrupt unless it has the entry's dtype and shape."""
    file = array_path(folder, name)
    try:
        with ARRAY_HEADERS:
            array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SnapshotCorrupt(f"{file}: {error}") from error
    if (array.dtype.str, tuple(array.shape)) != (entry.dtype, entry.shape):
        raise SnapshotCorrupt(
            f"{file} holds {array.dtype.str}{array.shape}, the manifest says {entry.dtype}{entry.shape}"
        )
    return np.asarray(array) if name == "mean_layout" else array


def read_array(folder: Path, name: str, entry: ArrayEntry) -> NDArray[Any]:
    """The array in memory of this process alone, read-only. What is hashed is what is held, not the file.

    Raises:
        SnapshotCorrupt: it has another sha256, dtype or shape than the entry.
    """
    file = array_path(folder, name)
    try:
        content = np.fromfile(file, np.uint8)
    except OSError as error:
        raise SnapshotCorrupt(f"{file}: {error}") from error
    return _checked_array(file, content.data, entry)


def unsealed_array(folder: Path, name: str, entry: ArrayEntry, data_key: bytes) -> NDArray[Any]:
    """The array over the bytes that were unsealed, without a copy and read-only; SnapshotCorrupt as map_array."""
    file = _sealed_path(folder, name)
    return _checked_array(file, memoryview(unseal(file, name, data_key)), entry)


def _checked_array(file: Path, content: memoryview, entry: ArrayEntry) -> NDArray[Any]:
    """The array over the bytes of a .npy file, without a copy and read-only."""
    header = io.BytesIO(content[:_LARGEST_HEADER])
    if hashlib.sha256(content).hexdigest() != entry.sha256 or np.lib.format.read_magic(header) != (1, 0):
        raise SnapshotCorrupt(f"{file}: its content is not what the manifest names")
    with ARRAY_HEADERS:
        shape, _fortran, dtype = np.lib.format.read_array_header_1_0(header)
    if dtype.hasobject or (dtype.str, shape) != (entry.dtype, entry.shape):
        raise SnapshotCorrupt(f"{file} holds {dtype.str}{shape}, the manifest says {entry.dtype}{entry.shape}")
    array = np.frombuffer(content, dtype, offset=header.tell()).reshape(shape)
    array.flags.writeable = False
    return array


def _sealed_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.npy{_SEALED}"
