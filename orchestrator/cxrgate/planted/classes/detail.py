"""C5: noise, blur and lost resolution: what generators add and what they cannot draw."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from cxrgate.planted.classes.geometry import resized
from cxrgate.planted.leak import Change, Leak, Pixels, grey, unit

NOISES = (0.01, 0.03, 0.1, 0.3)
"""Standard deviation, as a share of the grey scale."""
BLURS = (0.5, 1, 2, 4, 6)
"""Standard deviation, px of an image with shorter side 256."""
FACTORS = (2, 4)


def noisy(share: float) -> Change:
    """Gaussian noise added."""

    def change(pixels: Pixels, rng: np.random.Generator, _other: Pixels) -> Pixels:
        return grey(pixels + rng.normal(0, 255 * share, pixels.shape))

    return change


def blurred(sigma: float) -> Change:
    """Gaussian blur."""

    def change(pixels: Pixels, _rng: np.random.Generator, _other: Pixels) -> Pixels:
        return grey(ndimage.gaussian_filter(pixels.astype(np.float64), sigma * unit(pixels)))

    return change


def resampled(factor: int) -> Change:
    """Made smaller by `factor` and larger again."""

    def change(pixels: Pixels, _rng: np.random.Generator, _other: Pixels) -> Pixels:
        height, width = pixels.shape
        return resized(resized(pixels, height // factor, width // factor), height, width)

    return change


NOISE_BLUR = (
    *(Leak("noise_blur", f"noise {share:g}", noisy(share)) for share in NOISES),
    *(Leak("noise_blur", f"blur {sigma:g} px", blurred(sigma)) for sigma in BLURS),
    *(Leak("noise_blur", f"down and up {factor} times", resampled(factor)) for factor in FACTORS),
)
