"""Files to 8-bit grey, by the one decode function and in its sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from cxrgate.core import Failure, GreyImage, ImageRecord
from cxrgate.images import ImageFile
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.run.reading import read_files

BATCH = 16
"""Files in one go; a few batches are in flight."""


async def decode_files(files: Sequence[ImageFile], decoder: SandboxedDecoder) -> list[GreyImage | Failure]:
    """Read and decode each file, in order."""
    records = [record async for record in read_files(files)]
    images = iter(await decoder.decode([item for item in records if isinstance(item, ImageRecord)]))
    return [next(images) if isinstance(item, ImageRecord) else item for item in records]


def batches(files: Sequence[ImageFile]) -> list[Sequence[ImageFile]]:
    """The files in lists of BATCH, the last may be shorter."""
    return [files[i : i + BATCH] for i in range(0, len(files), BATCH)]


async def each(parts: Sequence[Sequence[ImageFile]]) -> AsyncIterator[Sequence[ImageFile]]:
    """The parts, as ordered_map takes them."""
    for part in parts:
        yield part
