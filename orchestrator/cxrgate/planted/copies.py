"""Degraded copies of an image by two fixed recipes: what a generator that memorised it might give back.

rotate -> crop the centre -> gamma -> smaller -> JPEG. Only the directions of rotation and gamma are drawn.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import rotate

SEED = 20261124
SIDE = 256
"""Shorter side, px, of the image that a copy is made of; images of another size are brought to it."""
DEGREES = 4.0
VISIBLE = 0.94
"""Of each side, after the crop."""
GAMMA = 1.3

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class CopyRecipe:
    """How far a copy is degraded: its shorter side, px, and its JPEG quality."""

    name: str
    side: int
    quality: int


MEDIUM = CopyRecipe("medium_copy", side=192, quality=60)
STRONG = CopyRecipe("strong_copy", side=112, quality=40)
RECIPES = (MEDIUM, STRONG)


def draw_signs(count: int) -> NDArray[np.int64]:
    """The directions of rotation and gamma of `count` images in order, int64[count, 2] of -1 and 1.

    Every recipe starts from the seed anew: the two copies of one image differ in nothing but resolution and JPEG.
    """
    return 2 * np.random.default_rng(SEED).integers(2, size=(count, 2)) - 1


def make_copy(pixels: Pixels, recipe: CopyRecipe, signs: NDArray[np.int64]) -> bytes:
    """A JPEG of the degraded image.

    Args:
        pixels: uint8[height, width].
        recipe: how far.
        signs: int64[2], see draw_signs.
    """
    values = np.asarray(_resize(pixels, SIDE), dtype=np.float64)
    values = rotate(values, signs[0] * DEGREES, reshape=False, order=1, mode="nearest")
    values = 255 * (np.clip(_crop(values), 0, 255) / 255) ** (GAMMA ** float(signs[1]))
    small = _resize(np.rint(values).astype(np.uint8), recipe.side)
    buffer = io.BytesIO()
    Image.fromarray(small).save(buffer, "JPEG", quality=recipe.quality)
    return buffer.getvalue()


def _crop(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The centre, VISIBLE of each side."""
    height, width = (round(side * VISIBLE) for side in values.shape)
    top, left = (values.shape[0] - height) // 2, (values.shape[1] - width) // 2
    return values[top : top + height, left : left + width]


def _resize(pixels: Pixels, shorter: int) -> Pixels:
    """The shorter side to `shorter` px by Pillow's BICUBIC, aspect kept; the very pixels where it fits already."""
    scale = shorter / min(pixels.shape)
    if scale == 1:
        return pixels
    height, width = (round(side * scale) for side in pixels.shape)
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC))
