"""Files to records, a few ahead of the stage that decodes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from cxrgate.core import Failure, GreyImage, ImageError, ImageRecord, Stage
from cxrgate.core.ports import Decoder
from cxrgate.gate.ordered import batched, ordered_map
from cxrgate.gate.pipeline import WINDOW
from cxrgate.images import ImageFile

Item = TypeVar("Item")

_AHEAD = 8
BATCH = 16
"""Images that are decoded together."""


async def read_files(files: Iterable[ImageFile]) -> AsyncIterator[ImageRecord | Failure]:
    """Read each file in a thread; one that cannot be read becomes a Failure."""
    async for record in ordered_map(lambda file: asyncio.to_thread(_read, file), each(files), _AHEAD):
        yield record


async def read_batch(files: Sequence[ImageFile]) -> list[ImageRecord | Failure]:
    """Read the files of a batch in a thread; one that cannot be read becomes a Failure."""
    return await asyncio.to_thread(lambda: [_read(file) for file in files])


def _read(file: ImageFile) -> ImageRecord | Failure:
    try:
        return file.read()
    except ImageError as error:
        return error.failure(file.image_id, Stage.READ)


async def decoded_files(
    files: Sequence[ImageFile], decoder: Decoder, size: int = BATCH
) -> AsyncGenerator[tuple[ImageFile, GreyImage | Failure], None]:
    """Each file with its decoded image, in order; a Failure where it cannot be read or decoded."""

    async def decode(records: list[ImageRecord | Failure]) -> list[GreyImage | Failure]:
        images = iter(await decoder.decode([record for record in records if isinstance(record, ImageRecord)]))
        return [next(images) if isinstance(record, ImageRecord) else record for record in records]

    given = iter(files)
    async for batch in ordered_map(decode, batched(read_files(files), size), WINDOW):
        for image in batch:
            yield next(given), image


async def each(items: Iterable[Item]) -> AsyncIterator[Item]:
    """The items, for those who iterate asynchronously."""
    for item in items:
        yield item


def file_stamp(path: Path) -> tuple[int, int]:
    """Size in bytes and time of change in nanoseconds; (-1, -1) where there is no file."""
    try:
        status = path.stat()
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns
