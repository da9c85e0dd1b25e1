"""Decoded images at one square size, kept on disk: every epoch and every resumed training reads the same pixels."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxrgate.core import Failure, GreyImage, ImageError, ImageRecord, UsageError
from cxrgate.core.digest import mapping_digest
from cxrgate.core.progress import Progress
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.storage import whole_file
from cxrgate.train.listing import ListedImage

_BATCH = 64


@dataclass(frozen=True, slots=True, eq=False)
class PixelSet:
    """Images uint8[n, side, side] (memory-mapped), patients and sources as numbers, int64[n], and what they are."""

    pixels: NDArray[np.uint8] = field(repr=False)
    patients: NDArray[np.int64] = field(repr=False)
    sources: NDArray[np.int64] = field(repr=False)
    listed_images: Sequence[ListedImage] = field(repr=False)
    digest: str

    def take(self, rows: NDArray[np.int64]) -> PixelSet:
        """Only these rows."""
        listed_images = [self.listed_images[row] for row in rows]
        return PixelSet(self.pixels[rows], self.patients[rows], self.sources[rows], listed_images, self.digest)


def decode_set(
    listed_images: Sequence[ListedImage], side: int, folder: Path, progress: Callable[[int], None] = lambda _: None
) -> PixelSet:
    """Decode every listed image as enrolment does, squash it to side x side, and keep all in `folder`.

    Raises:
        UsageError: an image cannot be read; it is named.
    """
    listed = {"side": side, "images": [[s.file.image_id, s.patient_id, s.source, s.split or ""] for s in listed_images]}
    cache = folder / f"{mapping_digest(listed)[:16]}.npy"
    if not cache.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(cache) as partial:
            shape = (len(listed_images), side, side)
            store = np.lib.format.open_memmap(partial, "w+", dtype=np.uint8, shape=shape)
            asyncio.run(_fill(store, listed_images, side, progress))
            store.flush()
    pixels = np.load(cache, mmap_mode="r", allow_pickle=False)
    patients = numbers([listed_image.patient_id for listed_image in listed_images])
    sources = numbers([listed_image.source for listed_image in listed_images])
    return PixelSet(pixels, patients, sources, listed_images, _digest(pixels, patients, sources))


def decode_part(listed_images: Sequence[ListedImage], side: int, work: Path, progress: Progress) -> PixelSet:
    """The listed images of one split, decoded into a training's folder; see decode_set."""
    step = f"decode {listed_images[0].split} at {side} px"
    return decode_set(listed_images, side, work / "pixels", lambda count: progress(step, count, len(listed_images)))


async def _fill(
    store: NDArray[np.uint8], listed_images: Sequence[ListedImage], side: int, progress: Callable[[int], None]
) -> None:
    row = 0
    async for images in decoded(listed_images):
        for image in images:
            store[row] = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR))
            row += 1
        progress(len(images))


async def decoded(listed_images: Sequence[ListedImage]) -> AsyncIterator[list[NDArray[np.uint8]]]:
    """Decode the listed images as enrolment does, in order: some uint8[h, w] at a time.

    Raises:
        UsageError: an image cannot be read; it is named.
    """
    with SandboxedDecoder() as decoder:
        for start in range(0, len(listed_images), _BATCH):
            records = [_read(listed_image) for listed_image in listed_images[start : start + _BATCH]]
            yield [_readable(image) for image in await decoder.decode(records)]


async def decode_all(listed_images: Sequence[ListedImage]) -> list[NDArray[np.uint8]]:
    """All of them at once, uint8[h, w] each; errors as decoded."""
    return [image async for images in decoded(listed_images) for image in images]


def _read(listed_image: ListedImage) -> ImageRecord:
    try:
        return listed_image.file.read()
    except ImageError as error:
        raise UsageError(
            f"{listed_image.file.image_id} cannot be read ({error.reason}): take it out of the listing"
        ) from error


def _readable(image: GreyImage | Failure) -> NDArray[np.uint8]:
    if isinstance(image, Failure):
        raise UsageError(f"{image.image_id} cannot be read ({image.reason}): take it out of the listing")
    return image.pixels


def numbers(names: Sequence[str]) -> NDArray[np.int64]:
    """Number the names by first appearance, int64[n]."""
    order = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([order[name] for name in names], dtype=np.int64)


def _digest(*arrays: NDArray[np.generic]) -> str:
    """Over pixels, patients and sources: what the training saw."""
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()
