"""C4: other grey levels at the same places."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cxrgate.planted.leak import Change, Leak, Pixels, grey

GAMMAS = (0.5, 0.7, 1.4, 2.0)
WINDOWS = (5, 20)
"""Per cent of the pixels that are cut off at each end."""
CONTRASTS = (1.1, 1.5, 2.0)
BRIGHTNESSES = (1.1, 1.5, 2.0)
TILES = 8
CLIP = 0.01
"""Share of a tile's pixels that one grey level may hold before the rest is spread (Zuiderveld 1994: clip limit)."""


def gamma(exponent: float) -> Change:
    """Grey level to the power of `exponent`, on [0, 1]."""
    return _of_levels(lambda values: 255 * (values / 255) ** exponent)


def windowed(percent: float) -> Change:
    """Stretched so that this share of the pixels is black, and as many white."""

    def stretch(values: NDArray[np.float64]) -> NDArray[np.float64]:
        low, high = np.percentile(values, [percent, 100 - percent])
        return np.asarray((values - low) * 255 / max(high - low, 1))

    return _of_levels(stretch)


def contrast(factor: float) -> Change:
    """Differences from the mean, times `factor`."""
    return _of_levels(lambda values: values.mean() + factor * (values - values.mean()))


def brightness(factor: float) -> Change:
    """Every grey level, times `factor`."""
    return _of_levels(lambda values: factor * values)


def equalised(pixels: Pixels, _rng: np.random.Generator, _other: Pixels) -> Pixels:
    """Contrast-limited adaptive histogram equalisation (Zuiderveld 1994) on 8 x 8 tiles."""
    tables = np.array([[_equalising(tile) for tile in _tiles(band.T)] for band in _tiles(pixels)])
    places = [np.linspace(-0.5, TILES - 0.5, side) for side in pixels.shape]
    rows, columns = np.meshgrid(*places, indexing="ij")
    return grey(ndimage.map_coordinates(tables, [rows, columns, pixels], order=1, mode="nearest"))


def _tiles(pixels: Pixels) -> list[Pixels]:
    return np.array_split(pixels, TILES)


def _equalising(tile: Pixels) -> NDArray[np.float64]:
    """The new grey level of each old one, float64[256]."""
    counts = np.bincount(tile.ravel(), minlength=256) / max(tile.size, 1)
    clipped = np.minimum(counts, CLIP)
    return np.asarray(255 * np.cumsum(clipped + (1 - clipped.sum()) / 256))


def _of_levels(function: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Change:
    def change(pixels: Pixels, _rng: np.random.Generator, _other: Pixels) -> Pixels:
        return grey(function(pixels.astype(np.float64)))

    return change


INTENSITY = (
    *(Leak("intensity", f"gamma {exponent:g}", gamma(exponent)) for exponent in GAMMAS),
    *(Leak("intensity", f"window {percent} %", windowed(percent)) for percent in WINDOWS),
    *(Leak("intensity", f"contrast {factor:g}", contrast(factor)) for factor in CONTRASTS),
    *(Leak("intensity", f"brightness {factor:g}", brightness(factor)) for factor in BRIGHTNESSES),
    Leak("intensity", "CLAHE", equalised),
    Leak("intensity", "inversion", _of_levels(lambda values: 255 - values)),
)
