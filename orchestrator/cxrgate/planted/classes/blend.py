"""C7: the image mixed with another patient's."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from cxrgate.planted.classes.geometry import resized
from cxrgate.planted.leak import Change, Leak, Pixels, grey, unit

SHARES = (0.3, 0.5, 0.7)
"""Of the other patient's image."""
MORPH = 12
"""Standard deviation, px of an image with shorter side 256, that separates coarse from fine."""


def blended(share: float) -> Change:
    """The weighted mean of both."""

    def change(pixels: Pixels, _rng: np.random.Generator, other: Pixels) -> Pixels:
        return grey((1 - share) * pixels + share * resized(other, *pixels.shape))

    return change


def spliced(pixels: Pixels, rng: np.random.Generator, other: Pixels) -> Pixels:
    """One half of the image, left or right, and the other half of the other's."""
    donor, middle = resized(other, *pixels.shape), pixels.shape[1] // 2
    first, second = (pixels, donor) if rng.integers(2) else (donor, pixels)
    return np.concatenate([first[:, :middle], second[:, middle:]], axis=1)


def morphed(pixels: Pixels, _rng: np.random.Generator, other: Pixels) -> Pixels:
    """The image's fine structure on the other's coarse one."""
    own, donor = pixels.astype(np.float64), resized(other, *pixels.shape).astype(np.float64)
    sigma = MORPH * unit(pixels)
    return grey(own - ndimage.gaussian_filter(own, sigma) + ndimage.gaussian_filter(donor, sigma))


BLEND = (
    *(Leak("blend", f"{share:.0%} of another".replace("%", " %"), blended(share)) for share in SHARES),
    Leak("blend", "half and half", spliced),
    Leak("blend", "fine structure alone", morphed),
)
