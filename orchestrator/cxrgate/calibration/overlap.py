"""The scan for one picture under two patients' names: ids alone do not show that patients are disjoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import GreyImage, ImageError, ImageRecord, UsageError
from cxrgate.core.ports import Decoder
from cxrgate.images.descriptors import COPY_DIMENSIONS, weight_free
from cxrgate.train import ListedImage

SAME_PICTURE = 0.95
"""Cosine of the weight-free copy descriptors: of 5,375 radiographs of 3,750 patients, those of different patients reach
0.925, and encodings of one picture stay above 0.97."""
_BATCH = 32


@dataclass(frozen=True, slots=True)
class Scan:
    """How many images that take part were held against how many of other patients."""

    images: int
    others: int


async def scan_overlap(
    taking_part: Sequence[ListedImage],
    seen: Sequence[ListedImage],
    decoder: Decoder,
    progress: Callable[[int], None] = lambda _: None,
) -> Scan:
    """Hold the images of a calibration against each other and against those of patients whom a model saw.

    Raises:
        UsageError: two patients share a picture; both images are named. Or an image cannot be decoded.
    """
    listed_images = [*taking_part, *seen]
    rows = np.zeros((len(listed_images), COPY_DIMENSIONS), dtype=np.float32)
    for start in range(0, len(listed_images), _BATCH):
        part = listed_images[start : start + _BATCH]
        rows[start : start + len(part)] = await _describe(part, decoder)
        progress(len(part))
    check_pictures(rows, listed_images, len(taking_part))
    return Scan(len(taking_part), len(listed_images))


def check_pictures(rows: NDArray[np.float32], listed_images: Sequence[ListedImage], count: int) -> None:
    """Raise UsageError where one of the first `count` of rows float32[n, d] shows the picture of another patient."""
    _, patients = np.unique([listed_image.patient_id for listed_image in listed_images], return_inverse=True)
    found = []
    for number in range(count):
        alike = (rows @ rows[number] >= SAME_PICTURE) & (patients != patients[number])
        found += [(number, int(other)) for other in np.flatnonzero(alike)]
    if found:
        first, second = (listed_images[number].file.path for number in found[0])
        raise UsageError(
            f"{len(found)} images show the picture of another patient, first {first}, {second}: mend the listing's ids"
        )


async def _describe(listed_images: Sequence[ListedImage], decoder: Decoder) -> NDArray[np.float32]:
    """A row per image, float32[n, 256]; zeros, which are like nothing, for one without structure."""
    images = await decoder.decode([ImageRecord(item.file.image_id, item.file.read().content) for item in listed_images])
    rows = np.zeros((len(listed_images), COPY_DIMENSIONS), dtype=np.float32)
    for number, (listed_image, image) in enumerate(zip(listed_images, images, strict=True)):
        if not isinstance(image, GreyImage):
            raise UsageError(f"{listed_image.file.path}: {image.reason}, {image.message}")
        try:
            rows[number], _ = weight_free(image.pixels)
        except ImageError:
            continue
    return rows
