"""Arrays that numpy saved: `.npz` of a sampler, `.npy` of one image or many. Each row is an image of its own.

Only headers are read here; the values of a row go as they are, in an `.npy` of their own, to the decode function.
"""

from __future__ import annotations

import functools
import io
import math
import os
import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy_format

from cxrgate.core import ImageError, UsageError
from cxrgate.images.codec.limits import MAXIMUM_BYTES, MINIMUM_SIDE
from cxrgate.images.codec.npy import read_header
from cxrgate.images.sources.regular import FileUnreachable, is_of_the_host, open_regular, unreadable

ENDINGS = {".npy", ".npz"}
MAXIMUM_INFLATED = 2**30
"""Compressed arrays are held in memory, inflated: 1 GiB is 16,000 images of 256 x 256."""

_CHANNELS = {1, 3}
_MOST_AXES = 4
_LONGEST_LABEL = 1024
"""Bytes of a text that may be a label: longer ones can be files of images."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_LOCAL_HEADER = struct.Struct("<26xHH")


@dataclass(frozen=True, slots=True)
class ArrayRow:
    """One image in an array file.

    Attributes:
        name: "arr_0/000012", stable for equal files; "" where the file is one image.
        member: the archive's member that is inflated first; "" where the values lie in the file itself.
        offset: of the row's first byte, in the file or in the inflated member.
        shape, descr: of the row, as numpy writes them.
    """

    name: str
    member: str
    offset: int
    shape: tuple[int, ...]
    descr: str

    @property
    def size(self) -> int:
        """Bytes of the row's values."""
        return math.prod(self.shape) * np.dtype(self.descr).itemsize


def list_rows(path: Path, labels: Counter[str]) -> list[ArrayRow]:
    """The images in an array file; none where it cannot be read as such: it is one file then, which decoding refuses.

    Arrays of an archive that can be labels are passed over and counted in `labels`, by name and number of axes.

    Raises:
        UsageError: compressed arrays of more than MAXIMUM_INFLATED bytes, rows in Fortran order, an archive with an
            array that is neither images nor labels or whose data end early, with two members of one name or one
            without a name, or a host that fails to read the file.
    """
    if not path.is_file():  # a pipe is never opened
        return []
    try:
        return list(_archive(path, labels) if path.suffix.lower() == ".npz" else _single(path))
    except OSError as error:
        if is_of_the_host(error):
            raise UsageError(f"{path} cannot be read now: {error.strerror}. Mend that and start again") from error
        return []
    except (zipfile.BadZipFile, NotImplementedError, ImageError, RuntimeError, struct.error):
        return []


def read_row(path: Path, row: ArrayRow) -> bytes:
    """The row as an .npy of its own; errors as read_regular."""
    if row.size > MAXIMUM_BYTES:
        raise ImageError("FILE_TOO_LARGE", f"the array has {row.size} bytes, at most {MAXIMUM_BYTES} are read")
    try:
        if row.member:
            values = _inflated(path, path.stat().st_mtime_ns, row.member)[row.offset : row.offset + row.size]
        else:
            with open_regular(path) as file:
                values = os.pread(file.fileno(), row.size, row.offset)
    except OSError as error:
        raise unreadable(error) from error
    except (zipfile.BadZipFile, zlib.error, KeyError) as error:
        raise ImageError("FILE_UNREADABLE", "the archive's array cannot be inflated: copy or save it again") from error
    if len(values) != row.size:
        raise FileUnreachable(
            "FILE_UNREADABLE", "the archive was written while it was read: ask again when it is finished"
        )
    header = io.BytesIO()
    npy_format.write_array_header_1_0(header, {"descr": row.descr, "fortran_order": False, "shape": row.shape})
    return header.getvalue() + values


def _single(path: Path) -> Iterator[ArrayRow]:
    with path.open("rb") as file:
        shape, dtype, fortran = read_header(file)
        array = _Array(str(path), shape, dtype, fortran, file.tell(), path.stat().st_size)
        # Channels first is how one image of torch lies; in an archive it is as likely three grey ones. One image in
        # Fortran's order, and what no rows can be read of, is left to decoding as the one file that it is.
        is_one = array.lead < 0 or (len(shape) == 3 and shape[0] in _CHANNELS) or (fortran and array.count == 1)
        if len(shape) > 2 and len(shape) <= _MOST_AXES and not is_one and array.is_whole:
            yield from _rows(array, "", 0, "")


def _archive(path: Path, labels: Counter[str]) -> Iterator[ArrayRow]:
    with zipfile.ZipFile(path) as archive, path.open("rb") as raw:
        taken = set[str]()
        _check_names(path, [info.filename for info in archive.infolist()])
        for number, info in enumerate(archive.infolist()):
            stored = info.compress_type == zipfile.ZIP_STORED
            start = _data_start(raw, info.header_offset) if stored else 0
            with archive.open(info) as file:
                shape, dtype, fortran = read_header(file)
                place = f"{path}: the array {info.filename!r}"
                array = _Array(place, shape, dtype, fortran, file.tell(), info.file_size)
            name = info.filename.removesuffix(".npy")
            # It becomes part of a file's name when the image is released.
            name = name if _NAME.fullmatch(name) and name not in taken else f"array_{number}"
            taken.add(name)
            array.check()
            if array.lead < 0:
                labels[f"{name} of {len(shape)} {'axis' if len(shape) == 1 else 'axes'}"] += 1
            else:
                yield from _rows(array, "" if stored else info.filename, start, f"{name}/")


def _check_names(path: Path, names: Sequence[str]) -> None:
    """A member is read by its name: of two with one name the second would be read for the first."""
    for name, count in Counter(names).items():
        if count > 1 or not name:
            fault = f"{count} members that are called {name!r}" if name else "a member without a name"
            raise UsageError(f"{path} has {fault}: save the arrays again, each under a name of its own")


@dataclass(frozen=True, slots=True)
class _Array:
    """An array by its header. `place` names it; its values begin at `start` and should end by `size`."""

    place: str
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    fortran: bool
    start: int
    size: int

    @property
    def lead(self) -> int:
        """How many leading axes count images, -1 where the array can be labels."""
        if len(self.shape) == 2:
            return 0 if min(self.shape) >= MINIMUM_SIDE else -1
        if len(self.shape) == 3:
            return 0 if self.shape[2] in _CHANNELS else 1
        return 1 if len(self.shape) > 3 else -1

    @property
    def count(self) -> int:
        """How many images there are, where it holds images."""
        return math.prod(self.shape[: self.lead])

    @property
    def is_whole(self) -> bool:
        """Whether the values that the header announces are there, and are no Python objects."""
        end = self.start + math.prod(self.shape) * self.dtype.itemsize
        return not self.dtype.hasobject and min(self.shape, default=0) >= 0 and end <= self.size

    def check(self) -> None:
        """Raise UsageError for what is neither images nor labels: it would be left out unseen."""
        kind = self.dtype.kind
        if self.dtype.hasobject or kind == "V" or (kind == "S" and self.dtype.itemsize > _LONGEST_LABEL):
            raise UsageError(
                f"{self.place} holds objects, records or long texts (dtype {self.dtype.str}), whose images would be "
                "left out unseen: save images of one size as one array of numbers, others as a file each"
            )
        if len(self.shape) > _MOST_AXES:
            raise UsageError(
                f"{self.place} has {len(self.shape)} axes, at most {_MOST_AXES} are read, and its images would be left "
                "out unseen: save it as [image, height, width] or [image, height, width, channel]"
            )
        if not self.is_whole:
            raise UsageError(
                f"{self.place} does not hold all values that its header announces, and its images would be left out "
                "unseen: copy or save the file again"
            )


def _rows(array: _Array, member: str, start: int, prefix: str) -> Iterator[ArrayRow]:
    """The rows of an array of images that begins at `start`, in the file or in the inflated member."""
    inner = array.shape[array.lead :]
    if array.fortran and array.count:
        raise UsageError(f"{array.place} has its rows in Fortran's order: save np.ascontiguousarray(images)")
    if member and array.size > MAXIMUM_INFLATED:
        raise UsageError(
            f"{array.place} inflates to {array.size} bytes, {MAXIMUM_INFLATED} are allowed: save with np.savez"
        )
    size = math.prod(inner) * array.dtype.itemsize
    for number in range(array.count):
        name = f"{prefix}{number:06d}"
        yield ArrayRow(name, member, start + array.start + number * size, inner, array.dtype.str)


def _data_start(raw: IO[bytes], header: int) -> int:
    """Where a stored member's bytes begin: its own header may be longer than the directory says."""
    raw.seek(header)
    name, extra = _LOCAL_HEADER.unpack(raw.read(_LOCAL_HEADER.size))
    return header + _LOCAL_HEADER.size + int(name) + int(extra)


@functools.lru_cache(maxsize=2)
def _inflated(path: Path, _changed: int, member: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(member)
