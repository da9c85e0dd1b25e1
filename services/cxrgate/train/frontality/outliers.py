"""What is no frontal chest radiograph, to fit a head to: views of other pictures, and spoiled radiographs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from cxrgate.core import UsageError

Pixels = NDArray[np.uint8]

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})
SMALLEST_VIEW = 0.35
"""Of each side of a picture."""


def read_pictures(folder: Path) -> Iterator[tuple[str, Pixels]]:
    """The pictures in the folders below `folder`, each with its folder's name, which is its source.

    Raises:
        UsageError: there is no picture.
    """
    paths = sorted(path for path in folder.glob("*/*") if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise UsageError(f"{folder} has no folders of PNG or JPEG pictures")
    for path in paths:
        with Image.open(path) as image:
            yield path.parent.name, np.asarray(image.convert("RGB").convert("L"))


def view(picture: Pixels, random: Generator) -> Pixels:
    """A part of a picture, turned, mirrored, blurred, inverted, darkened at random: uint8[height, width]."""
    height, width = (max(8, round(side * random.uniform(SMALLEST_VIEW, 1))) for side in picture.shape)
    top, left = (int(random.integers(1 + max(free, 0))) for free in np.subtract(picture.shape, (height, width)))
    part = np.rot90(picture[top : top + height, left : left + width], int(random.choice([0, 0, 0, 1, 3])))
    image = Image.fromarray(np.ascontiguousarray(part[:, :: random.choice([-1, 1])]))
    image = image.filter(ImageFilter.GaussianBlur(float(random.choice([0, 0, 0, 1, 3]))))
    return _exposed(np.asarray(image), random)


def _exposed(pixels: Pixels, random: Generator) -> Pixels:
    values = (pixels / 255) ** np.exp(random.uniform(-0.7, 0.7))
    values = values if random.random() < 0.75 else 1 - values
    low, high = np.sort(random.choice([0, 255], 2, replace=False) + random.uniform(-60, 60, 2))
    exposed: Pixels = np.rint(np.clip(low + (high - low) * values, 0, 255)).astype(np.uint8)
    return exposed


def inverted(radiograph: Pixels, random: Generator) -> Pixels:
    """Its negative, exposed somewhat differently."""
    values: Pixels = np.rint(255 * (1 - (radiograph / 255) ** np.exp(random.uniform(-0.4, 0.4)))).astype(np.uint8)
    return values


def turned(radiograph: Pixels, random: Generator) -> Pixels:
    """On its side or on its head, mirrored or not."""
    part = np.rot90(radiograph, int(random.integers(1, 4)))
    return np.ascontiguousarray(part[:, :: random.choice([-1, 1])])


def shuffled(radiograph: Pixels, random: Generator) -> Pixels:
    """Cut into 3 x 3 to 8 x 8 parts, which change places."""
    count = int(random.integers(3, 9))
    height, width = (side // count for side in radiograph.shape)
    tiles = radiograph[: height * count, : width * count].reshape(count, height, count, width).swapaxes(1, 2)
    mixed = tiles.reshape(-1, height, width)[random.permutation(count * count)]
    return np.ascontiguousarray(
        mixed.reshape(count, count, height, width).swapaxes(1, 2).reshape(height * count, width * count)
    )


def scrambled(radiograph: Pixels, random: Generator) -> Pixels:
    """Noise with its spectrum: the amplitudes stay, the phases are drawn."""
    spectrum = np.abs(np.fft.rfft2(radiograph.astype(np.float64) - radiograph.mean()))
    phases = np.fft.rfft2(random.normal(size=radiograph.shape))
    values = np.fft.irfft2(spectrum * phases / np.maximum(np.abs(phases), 1e-9), radiograph.shape)
    low, high = np.percentile(values, (0.5, 99.5))
    noise: Pixels = np.rint(255 * np.clip((values - low) / max(high - low, 1e-9), 0, 1)).astype(np.uint8)
    return noise


def detail(radiograph: Pixels, random: Generator) -> Pixels:
    """A small part, from a fifth to two fifths of each side."""
    height, width = (round(side * random.uniform(0.2, 0.4)) for side in radiograph.shape)
    top, left = (int(random.integers(1 + free)) for free in np.subtract(radiograph.shape, (height, width)))
    return radiograph[top : top + height, left : left + width]


SPOILED: dict[str, Callable[[Pixels, Generator], Pixels]] = {
    "inverted": inverted,
    "turned": turned,
    "shuffled": shuffled,
    "scrambled": scrambled,
    "detail": detail,
}
"""What is made of radiographs, by name."""
