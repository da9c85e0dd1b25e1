"""C8: the image bent by a smooth random field."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from cxrgate.planted.leak import Change, Leak, Pixels, grey, unit

FIELDS = ((24, 4), (24, 8), (24, 16), (10, 6))
"""Smoothness and largest displacement, px of an image with shorter side 256."""


def bent(sigma: float, amplitude: float) -> Change:
    """Each pixel moved by a Gaussian field of that smoothness, by at most `amplitude` along each axis."""

    def change(pixels: Pixels, rng: np.random.Generator, _other: Pixels) -> Pixels:
        scale, places = unit(pixels), np.indices(pixels.shape, dtype=np.float64)
        for axis in range(2):
            field = ndimage.gaussian_filter(rng.uniform(-1, 1, pixels.shape), sigma * scale)
            places[axis] += amplitude * scale * field / np.abs(field).max()
        return grey(ndimage.map_coordinates(pixels.astype(np.float64), places, order=1, mode="nearest"))

    return change


ELASTIC = tuple(
    Leak("elastic", f"{amplitude} px, smooth over {sigma} px", bent(sigma, amplitude)) for sigma, amplitude in FIELDS
)
