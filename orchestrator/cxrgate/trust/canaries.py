"""Canaries: enrolled images that leaks are planted from, and the cases made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from cxrgate.core import GreyImage, ImageRecord, UsageError
from cxrgate.core.ports import Decoder
from cxrgate.images import encode_png
from cxrgate.index.keys import opaque_id
from cxrgate.train import Sample
from cxrgate.trust.cases import Case, Kind
from cxrgate.trust.generator import STRENGTHS, fit_generator
from cxrgate.trust.leak import Leak, Pixels, draws
from cxrgate.trust.leaks import GENERATED, SAME_PATIENT
from cxrgate.trust.leaks_geometry import resized
from cxrgate.trust.strangers import Stranger

T = TypeVar("T")

_BATCH = 32


@dataclass(frozen=True, slots=True, eq=False)
class Canary:
    """A decoded image uint8[height, width], its name (of the draws), and its patient's key in hex."""

    name: str
    patient: str
    pixels: Pixels = field(repr=False)


async def read_canaries(samples: Sequence[Sample], decoder: Decoder, key: bytes) -> list[Canary]:
    """Decode each image as enrolment does.

    Raises:
        ImageError: a file cannot be read.
        UsageError: an image cannot be decoded; it is named.
    """
    canaries = []
    for start in range(0, len(samples), _BATCH):
        part = samples[start : start + _BATCH]
        records = [ImageRecord(sample.file.image_id, sample.file.read().content) for sample in part]
        for sample, image in zip(part, await decoder.decode(records), strict=True):
            if not isinstance(image, GreyImage):
                raise UsageError(f"{sample.file.path}: {image.reason}, {image.message}")
            canaries.append(Canary(sample.file.image_id, patient_key(key, sample), image.pixels))
    return canaries


def patient_key(key: bytes, sample: Sample) -> str:
    """The patient's key in a snapshot made with `key`, in hex."""
    return opaque_id(key, "patient", sample.patient_id).hex()


def plant(canaries: Sequence[Canary], others: Sequence[Pixels], leaks: Iterable[Leak]) -> Iterator[Case]:
    """Every leak of every canary; canary i is mixed with image i of `others`, counted round."""
    leaks = tuple(leaks)
    for number, canary in enumerate(canaries):
        other = others[number % len(others)]
        for leak in leaks:
            content = leak.plant(canary.pixels, canary.name, other)
            yield Case(content, Kind.LEAK, canary.patient, leak.leak_class, leak.strength)


def generated(canaries: Sequence[Canary]) -> Iterator[Case]:
    """What a generator that was over-fitted on these images draws of each, at every strength."""
    generator = fit_generator([canary.pixels for canary in canaries])
    for number, canary in enumerate(canaries):
        for strength in STRENGTHS:
            sample = generator.draw(number, strength, draws(canary.name))
            content = encode_png(resized(sample, *canary.pixels.shape))
            yield Case(content, Kind.LEAK, canary.patient, GENERATED, f"noise {strength:g}")


def unknown(strangers: Iterable[Stranger]) -> Iterator[Case]:
    """Images that are no frontal chest radiograph."""
    for source, name, pixels in strangers:
        yield Case(encode_png(pixels), Kind.STRANGER, leak_class=source, variant=name)


def siblings(samples: Iterable[Sample], key: bytes) -> Iterator[Case]:
    """Another radiograph of each enrolled patient, as it is."""
    for sample in samples:
        content = sample.file.read().content
        yield Case(content, Kind.LEAK, patient_key(key, sample), SAME_PATIENT, "another radiograph")


def clean(samples: Iterable[Sample], key: bytes) -> Iterator[Case]:
    """A radiograph of each patient who is not enrolled."""
    for sample in samples:
        yield Case(sample.file.read().content, Kind.CLEAN, patient_key(key, sample))


def sampled(items: Sequence[T], count: int) -> list[T]:
    """At most `count` of them, drawn with seed 0, in their order."""
    if len(items) <= count:
        return list(items)
    chosen = np.sort(np.random.default_rng(0).choice(len(items), count, replace=False))
    return [items[number] for number in chosen]
