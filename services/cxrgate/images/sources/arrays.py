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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from numpy.lib import format as npy_format

from cxrgate.core import ImageError, UsageError
from cxrgate.images.codec.limits import MAXIMUM_BYTES, MINIMUM_SIDE
from cxrgate.images.codec.npy import read_header
from cxrgate.images.sources.regular import FileUnreachable, is_of_the_host, open_regular, unreadable

ENDINGS = {".npy", ".npz"}
MAXIMUM_INFLATED = 2**30
"""Compressed arrays are held in memory, inflated: 1 GiB is 16,000 images of 256 x 256."""

_CHANNELS = {1, 3}
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
        return math.prod(self.shape) * int(self.descr[2:])


def list_rows(path: Path) -> list[ArrayRow]:
    """The images in an array file; none where it cannot be read as such: it is one file then, which decoding refuses.

    Raises:
        UsageError: compressed arrays of more than MAXIMUM_INFLATED bytes, rows in Fortran order, or a host that fails
            to read the file.
    """
    if not path.is_file():  # a pipe is never opened
        return []
    try:
        return list(_archive(path) if path.suffix.lower() == ".npz" else _single(path))
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
        shape, *_ = read_header(file)
        file.seek(0)
        # Channels first is how one image of torch lies; in an archive it is as likely three grey ones.
        if len(shape) > 3 or (len(shape) == 3 and shape[0] not in _CHANNELS):
            yield from _rows(file, path.stat().st_size, path.name, "", 0, "")


def _archive(path: Path) -> Iterator[ArrayRow]:
    with zipfile.ZipFile(path) as archive, path.open("rb") as raw:
        taken = set[str]()
        for number, info in enumerate(archive.infolist()):
            stored = info.compress_type == zipfile.ZIP_STORED
            start = _data_start(raw, info.header_offset) if stored else 0
            with archive.open(info) as file:
                name = info.filename.removesuffix(".npy")
                # It becomes part of a file's name when the image is released.
                name = name if _NAME.fullmatch(name) and name not in taken else f"array_{number}"
                taken.add(name)
                yield from _rows(file, info.file_size, path.name, "" if stored else info.filename, start, f"{name}/")


def _rows(file: IO[bytes], size: int, source: str, member: str, start: int, prefix: str) -> Iterator[ArrayRow]:
    """The rows of one array whose header `file` stands at; none for arrays that hold no images, as labels."""
    shape, dtype, fortran = read_header(file)
    lead = _lead(shape)
    count, inner = math.prod(shape[:lead]), shape[lead:]
    row = math.prod(inner) * dtype.itemsize
    header = file.tell()
    if lead < 0 or dtype.hasobject or header + count * row > size:
        return
    if fortran and count > 1:
        raise UsageError(f"{source} has its rows in Fortran's order: save np.ascontiguousarray(images)")
    if member and size > MAXIMUM_INFLATED:
        raise UsageError(f"{source} inflates to {size} bytes, {MAXIMUM_INFLATED} are allowed: save with np.savez")
    for number in range(count):
        name = f"{prefix}{number:06d}"
        yield ArrayRow(name, member, start + header + number * row, inner, dtype.str)


def _lead(shape: tuple[int, ...]) -> int:
    """How many leading axes count images, -1 where the array holds none."""
    if len(shape) == 2:
        return 0 if min(shape) >= MINIMUM_SIDE else -1
    if len(shape) == 3:
        return 0 if shape[2] in _CHANNELS else 1
    return 1 if len(shape) == 4 else -1


def _data_start(raw: IO[bytes], header: int) -> int:
    """Where a stored member's bytes begin: its own header may be longer than the directory says."""
    raw.seek(header)
    name, extra = _LOCAL_HEADER.unpack(raw.read(_LOCAL_HEADER.size))
    return header + _LOCAL_HEADER.size + int(name) + int(extra)


@functools.lru_cache(maxsize=2)
def _inflated(path: Path, _changed: int, member: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(member)
