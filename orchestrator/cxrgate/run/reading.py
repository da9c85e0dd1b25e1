"""Files to records, a few ahead of the stage that decodes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from cxrgate.core import Failure, ImageError, ImageRecord, Stage
from cxrgate.gate.ordered import ordered_map
from cxrgate.images import ImageFile

_AHEAD = 8


async def read_files(files: Iterable[ImageFile]) -> AsyncIterator[ImageRecord | Failure]:
    """Read each file in a thread; one that cannot be read becomes a Failure."""
    async for record in ordered_map(lambda file: asyncio.to_thread(_read, file), _each(files), _AHEAD):
        yield record


def _read(file: ImageFile) -> ImageRecord | Failure:
    try:
        return file.read()
    except ImageError as error:
        return error.failure(file.image_id, Stage.READ)


async def _each(files: Iterable[ImageFile]) -> AsyncIterator[ImageFile]:
    for file in files:
        yield file


def file_stamp(path: Path) -> tuple[int, int]:
    """Size and time of change: a file that changed since must not continue a run. (-1, -1) where there is none."""
    try:
        status = path.stat()
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns
