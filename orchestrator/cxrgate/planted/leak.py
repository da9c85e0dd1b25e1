"""What a planted leak is: an enrolled image, changed by a named class at a named strength."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from cxrgate.images.codec.encode import encode_png
from cxrgate.planted.copies import SEED

SIDE = 256
"""Shorter side, px, that lengths in the strengths' names are meant for; they grow with larger images."""

Pixels = NDArray[np.uint8]
Change = Callable[[Pixels, np.random.Generator, Pixels], Pixels]
"""(image, draws, an image of another patient) to the changed image; uint8[height, width] each."""


def unchanged(pixels: Pixels, _rng: np.random.Generator, _other: Pixels) -> Pixels:
    """The very pixels."""
    return pixels


@dataclass(frozen=True, slots=True)
class Leak:
    """One class at one strength. `encode` gives the bytes that the gate is asked about."""

    leak_class: str
    strength: str
    change: Change = unchanged
    encode: Callable[[Pixels], bytes] = encode_png

    def plant(self, pixels: Pixels, name: str, other: Pixels) -> bytes:
        """The leak of an image, encoded.

        Args:
            pixels: of the enrolled image, uint8[height, width].
            name: of the image; the draws (directions, places, noise) depend on it and on nothing else, so that the
                strengths of a class differ in strength alone, and two runs in nothing.
            other: an image of another patient, uint8[height, width].
        """
        return self.encode(self.change(pixels, draws(name), other))


def draws(name: str) -> np.random.Generator:
    """The generator of an image's draws, the same on every machine."""
    return np.random.default_rng([SEED, int.from_bytes(sha256(name.encode()).digest()[:8], "big")])


def unit(pixels: Pixels) -> float:
    """Pixels of this image per pixel of one whose shorter side is SIDE."""
    return float(min(pixels.shape) / SIDE)


def sign(rng: np.random.Generator) -> int:
    """-1 or 1."""
    return 2 * int(rng.integers(2)) - 1


def window(rng: np.random.Generator, pixels: Pixels, share: float) -> tuple[slice, slice]:
    """A part of the image with this share of each side, at a drawn place."""
    sides = [max(round(side * share), 1) for side in pixels.shape]
    top, left = (int(rng.integers(side - part + 1)) for side, part in zip(pixels.shape, sides, strict=True))
    return np.s_[top : top + sides[0], left : left + sides[1]]


def grey(values: NDArray[np.floating]) -> Pixels:
    """Grey levels to the nearest of 0 to 255."""
    return np.asarray(np.rint(np.clip(values, 0, 255)), dtype=np.uint8)
