"""From a decoded image to the shape of a network's input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxrgate.models.preprocess import Fit, Preprocessing


def resize(pixels: NDArray[np.uint8], to: Preprocessing) -> NDArray[np.uint8]:
    """Resize uint8[h, w] to uint8[height, width]. The very pixels come back when the shape fits already."""
    if pixels.shape == (to.height, to.width):
        return pixels
    image, pillow_filter = Image.fromarray(pixels), Image.Resampling[to.interpolation.name]
    if to.fit is Fit.SQUASH:
        return np.asarray(image.resize((to.width, to.height), pillow_filter))
    ratios = (to.height / image.height, to.width / image.width)
    scale = max(ratios) if to.fit is Fit.CROP else min(ratios)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return _centre(np.asarray(image.resize(size, pillow_filter)), to)


def _centre(pixels: NDArray[np.uint8], to: Preprocessing) -> NDArray[np.uint8]:
    """Cut or fill around the centre to the input's shape."""
    result = np.zeros((to.height, to.width), np.uint8)
    source, target = [], []
    for have, want in zip(pixels.shape, result.shape, strict=True):
        common = min(have, want)
        source.append(slice((have - common) // 2, (have - common) // 2 + common))
        target.append(slice((want - common) // 2, (want - common) // 2 + common))
    result[tuple(target)] = pixels[tuple(source)]
    return result
