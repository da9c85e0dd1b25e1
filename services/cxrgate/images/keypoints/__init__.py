"""Keypoints of an image: scale-invariant features (SIFT, Lowe 2004) of the working image, evened beforehand.

Numpy alone: a library that has them brings 160 MB. The scale space is kept in whole numbers that no order of summation
changes, so that threads and processors differ in nothing but the last digits of what is computed of each point.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxrgate.core.keypoints import EXTENT, KEYPOINTS, STEPS, Keypoints
from cxrgate.images.keypoints.evening import even
from cxrgate.images.keypoints.extrema import Points, find_extrema
from cxrgate.images.keypoints.histograms import describe, orient
from cxrgate.images.keypoints.scale_space import Octave, scale_space

__all__ = ["find_keypoints"]

SIDE = 256
"""Shorter side, px, of the working image."""


def find_keypoints(pixels: NDArray[np.uint8]) -> Keypoints:
    """The strongest of an image, KEYPOINTS or as many as it has; none where it shows nothing.

    Args:
        pixels: uint8[height, width].
    """
    octaves = scale_space(even(_resized(pixels)))
    points = orient(octaves, find_extrema(octaves).strongest(KEYPOINTS)).strongest(KEYPOINTS)
    return Keypoints(_places(octaves, points), describe(octaves, points))


def _resized(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The working image: aspect kept, but that the longer side stays within the extent of places."""
    scale = SIDE / min(pixels.shape)
    height, width = (min(round(side * scale), EXTENT - 1) for side in pixels.shape)
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC))


def _places(octaves: list[Octave], points: Points) -> NDArray[np.float32]:
    """In the working image, float32[n, 2]."""
    pixel = np.array([octave.pixel for octave in octaves])[points.octave]
    # The centre of an octave's first pixel lies where the enlarged image's has it: a quarter of a pixel before.
    first = octaves[0].pixel / 2 - 0.5
    steps = np.rint((np.stack([points.x, points.y], axis=1) * pixel[:, None] + first) * STEPS)
    return np.asarray(steps.clip(0, EXTENT * STEPS - 1) / STEPS, np.float32)
