"""C3: the image turned, moved, cropped, scaled, stretched, mirrored."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from cxrgate.planted.leak import Change, Leak, Pixels, grey, sign, window

DEGREES = (5, 10, 20, 30)
SHIFTS = (5, 10)
"""Per cent of each side."""
CROPS = (95, 80, 60)
"""Per cent of each side that stay."""
SCALES = (0.5, 1.5)
ASPECT = 1.05


def rotated(degrees: float) -> Change:
    """Turned about the centre, to either side; the edge is drawn out."""

    def change(pixels: Pixels, rng: np.random.Generator, _other: Pixels) -> Pixels:
        values = pixels.astype(np.float64)
        return grey(ndimage.rotate(values, sign(rng) * degrees, reshape=False, order=1, mode="nearest"))

    return change


def shifted(percent: float) -> Change:
    """Moved along both axes, to either side; the edge is drawn out."""

    def change(pixels: Pixels, rng: np.random.Generator, _other: Pixels) -> Pixels:
        offsets = [sign(rng) * round(side * percent / 100) for side in pixels.shape]
        return np.asarray(ndimage.shift(pixels, offsets, order=0, mode="nearest"), dtype=np.uint8)

    return change


def cropped(percent: float) -> Change:
    """The given share of each side, at a drawn place."""

    def change(pixels: Pixels, rng: np.random.Generator, _other: Pixels) -> Pixels:
        return pixels[window(rng, pixels, percent / 100)]

    return change


def scaled(vertical: float, horizontal: float) -> Change:
    """Resized by these factors."""

    def change(pixels: Pixels, _rng: np.random.Generator, _other: Pixels) -> Pixels:
        return resized(pixels, round(pixels.shape[0] * vertical), round(pixels.shape[1] * horizontal))

    return change


def resized(pixels: Pixels, height: int, width: int) -> Pixels:
    """Resized by Pillow's BICUBIC, to at least one pixel a side."""
    size = (max(width, 1), max(height, 1))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def flipped(pixels: Pixels, _rng: np.random.Generator, _other: Pixels) -> Pixels:
    """Left and right exchanged."""
    return pixels[:, ::-1]


GEOMETRIC = (
    *(Leak("geometric", f"rotation {degrees}°", rotated(degrees)) for degrees in DEGREES),
    *(Leak("geometric", f"shift {percent} %", shifted(percent)) for percent in SHIFTS),
    *(Leak("geometric", f"crop to {percent} %", cropped(percent)) for percent in CROPS),
    *(Leak("geometric", f"scale {factor:g}", scaled(factor, factor)) for factor in SCALES),
    Leak("geometric", "aspect 5 %", scaled(1, ASPECT)),
    Leak("geometric", "flip", flipped),
)
