"""Enrolled images that leaks are planted from, and the cases made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from cxrgate.core import GreyImage, ImageError, ImageRecord, UsageError
from cxrgate.core.ports import Decoder
from cxrgate.core.progress import Progress, silent
from cxrgate.images.codec.encode import encode_png
from cxrgate.index.keys import opaque_id
from cxrgate.models.torch_extra import expect_torch
from cxrgate.planted.cases import CaseKind, PlantedCase
from cxrgate.planted.classes.catalogue import GENERATED, GENERATED_STRENGTHS, SAME_PATIENT
from cxrgate.planted.classes.geometry import resized
from cxrgate.planted.leak import Leak, Pixels, draws
from cxrgate.planted.outliers.catalogue import Outlier
from cxrgate.train import ListedImage

T = TypeVar("T")

_BATCH = 32


@dataclass(frozen=True, slots=True, eq=False)
class LeakOrigin:
    """An enrolled image, uint8[height, width], that leaks are planted from; its name and its patient's key in hex."""

    name: str
    patient: str
    pixels: Pixels = field(repr=False)


async def read_origins(listed_images: Sequence[ListedImage], decoder: Decoder, key: bytes) -> list[LeakOrigin]:
    """Decode each image as enrolment does.

    Raises:
        UsageError: a file cannot be read, or an image cannot be decoded; it is named.
    """
    origins = []
    for start in range(0, len(listed_images), _BATCH):
        part = listed_images[start : start + _BATCH]
        records = [ImageRecord(listed_image.file.image_id, _content(listed_image)) for listed_image in part]
        for listed_image, image in zip(part, await decoder.decode(records), strict=True):
            if not isinstance(image, GreyImage):
                raise UsageError(f"{listed_image.file.path}: {image.reason}, {image.message}")
            origins.append(LeakOrigin(listed_image.file.image_id, patient_key(key, listed_image), image.pixels))
    return origins


def _content(listed_image: ListedImage) -> bytes:
    try:
        return listed_image.file.read().content
    except ImageError as error:
        raise UsageError(f"{listed_image.file.path}: {error.reason}, {error.message}") from error


def patient_key(key: bytes, listed_image: ListedImage) -> str:
    """The patient's key in a snapshot made with `key`, in hex."""
    return opaque_id(key, "patient", listed_image.patient_id).hex()


def plant(origins: Sequence[LeakOrigin], others: Sequence[Pixels], leaks: Iterable[Leak]) -> Iterator[PlantedCase]:
    """Every leak of every origin; origin i is mixed with image i of `others`, counted round."""
    leaks = tuple(leaks)
    for number, origin in enumerate(origins):
        other = others[number % len(others)]
        for leak in leaks:
            content = leak.plant(origin.pixels, origin.name, other)
            yield PlantedCase(content, CaseKind.LEAK, origin.patient, leak.leak_class, leak.strength)


def generated(origins: Sequence[LeakOrigin], progress: Progress = silent) -> Iterator[PlantedCase]:
    """What a generator that was over-fitted on these images draws of each, at every strength.

    Args:
        origins: two or more.
        progress: told of the fit, which takes minutes; see fit_generator.

    Raises:
        ModelError: PyTorch is not installed.
    """
    expect_torch("a generator that is over-fitted on purpose")
    from cxrgate.planted.generator import fit_generator  # noqa: PLC0415

    generator = fit_generator([origin.pixels for origin in origins], progress=progress)
    for number, origin in enumerate(origins):
        for strength in GENERATED_STRENGTHS:
            listed_image = generator.draw(number, strength, draws(origin.name))
            content = encode_png(resized(listed_image, *origin.pixels.shape))
            yield PlantedCase(content, CaseKind.LEAK, origin.patient, GENERATED, f"noise {strength:g}")


def outlier_cases(outliers: Iterable[Outlier]) -> Iterator[PlantedCase]:
    """Images that are no frontal chest radiograph."""
    for source, name, pixels in outliers:
        yield PlantedCase(encode_png(pixels), CaseKind.OUTLIER, leak_class=source, variant=name)


def siblings(listed_images: Iterable[ListedImage], key: bytes) -> Iterator[PlantedCase]:
    """Another radiograph of each enrolled patient, as it is."""
    for listed_image in listed_images:
        content = _content(listed_image)
        yield PlantedCase(content, CaseKind.LEAK, patient_key(key, listed_image), SAME_PATIENT, "another radiograph")


def unenrolled_cases(listed_images: Iterable[ListedImage], key: bytes) -> Iterator[PlantedCase]:
    """A radiograph of each patient who is not enrolled."""
    for listed_image in listed_images:
        yield PlantedCase(_content(listed_image), CaseKind.UNENROLLED, patient_key(key, listed_image))


def sampled(items: Sequence[T], count: int) -> list[T]:
    """At most `count` of them, drawn with seed 0, in their order."""
    if len(items) <= count:
        return list(items)
    chosen = np.sort(np.random.default_rng(0).choice(len(items), count, replace=False))
    return [items[number] for number in chosen]
