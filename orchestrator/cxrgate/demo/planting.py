"""The leaks that are planted among synthetic images: one function per kind, from a real image to a file."""

from __future__ import annotations

import io
from collections.abc import Callable
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from cxrgate.images.codec.encode import encode_png

Pixels = NDArray[np.uint8]
Content = tuple[bytes, str]
"""A file's bytes and the suffix of its name."""


class PlantedKind(StrEnum):
    """What a planted file is."""

    IDENTICAL = "identical copy"
    REENCODED = "copy as JPEG"
    RESCALED = "rescaled copy"
    EDITED = "edited copy"
    SAME_PATIENT = "other radiograph of an enrolled patient"
    INVERTED = "inverted copy"
    BROKEN = "broken file"


def identical(pixels: Pixels, _: np.random.Generator) -> Content:
    """Give the very bytes of the real file."""
    return encode_png(pixels), ".png"


def reencoded(pixels: Pixels, rng: np.random.Generator) -> Content:
    """Encode as JPEG, quality 30 to 80."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=int(rng.integers(30, 81)))
    return buffer.getvalue(), ".jpg"


def rescaled(pixels: Pixels, rng: np.random.Generator) -> Content:
    """Resize to between half and twice the size, each side by itself."""
    high, wide = (max(1, round(side * 2 ** rng.uniform(-1, 1))) for side in pixels.shape)
    return encode_png(np.asarray(Image.fromarray(pixels).resize((wide, high), Image.Resampling.BICUBIC))), ".png"


def edited(pixels: Pixels, rng: np.random.Generator) -> Content:
    """Crop up to 3 % off each side, blur, change brightness and contrast, add noise: what an editor might do."""
    high, wide = pixels.shape
    top, left, bottom, right = (int(side * rng.uniform(0, 0.03)) for side in (high, wide, high, wide))
    cropped = pixels[top : high - bottom, left : wide - right]
    blurred = ndimage.gaussian_filter(cropped.astype(np.float64), rng.uniform(0.3, 1.0))
    changed = rng.uniform(0.8, 1.1) * blurred + rng.uniform(-10, 25) + rng.normal(0, 3, cropped.shape)
    return encode_png(np.clip(np.rint(changed), 0, 255).astype(np.uint8)), ".png"


def inverted(pixels: Pixels, _: np.random.Generator) -> Content:
    """Swap black and white."""
    return encode_png(255 - pixels), ".png"


def broken(pixels: Pixels, rng: np.random.Generator) -> Content:
    """Lose the end of the file, as an interrupted transfer does."""
    content = encode_png(pixels)
    return content[: int(len(content) * rng.uniform(0.2, 0.9))], ".png"


MAKERS: dict[PlantedKind, Callable[[Pixels, np.random.Generator], Content]] = {
    PlantedKind.IDENTICAL: identical,
    PlantedKind.REENCODED: reencoded,
    PlantedKind.RESCALED: rescaled,
    PlantedKind.EDITED: edited,
    # Drawn anew: the pixels handed in are already another radiograph.
    PlantedKind.SAME_PATIENT: identical,
    PlantedKind.INVERTED: inverted,
    PlantedKind.BROKEN: broken,
}
