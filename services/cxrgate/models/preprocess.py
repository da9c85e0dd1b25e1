"""From a decoded image to a network's input. A property of the model: its manifest says how, its digest covers it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PIL import Image


class Fit(StrEnum):
    """How an image that is not of the input's shape is brought to it."""

    SQUASH = "squash"
    """Both sides to the input's, aspect not kept (Packhäuser et al. 2022: Resize((256, 256)))."""
    CROP = "crop"
    """Shorter side to the input's, centre crop."""
    PAD = "pad"
    """Longer side to the input's, black around."""


class Interpolation(StrEnum):
    """Pillow's filters, antialiased when reducing, as torchvision's Resize on PIL images."""

    BILINEAR = "bilinear"
    BICUBIC = "bicubic"

    @property
    def filter(self) -> Image.Resampling:
        """Pillow's constant."""
        return Image.Resampling[self.name]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Resize on 8-bit grey pixels, then (value / 255 - mean) / std per channel of the replicated grey image."""

    height: int = 256
    width: int = 256
    fit: Fit = Fit.SQUASH
    interpolation: Interpolation = Interpolation.BILINEAR
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    def __post_init__(self) -> None:
        if not (32 <= self.height <= 2048 and 32 <= self.width <= 2048):
            raise ValueError(f"expected an input of 32 to 2048 px a side, got {self.height} x {self.width}")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError(f"expected three means and three positive deviations, got {self.mean} and {self.std}")

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize uint8[h, w] to uint8[height, width]. The very pixels come back when the shape fits already."""
        if pixels.shape == (self.height, self.width):
            return pixels
        image = Image.fromarray(pixels)
        if self.fit is Fit.SQUASH:
            return np.asarray(image.resize((self.width, self.height), self.interpolation.filter))
        ratios = (self.height / image.height, self.width / image.width)
        scale = max(ratios) if self.fit is Fit.CROP else min(ratios)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        return self._centre(np.asarray(image.resize(size, self.interpolation.filter)))

    def _centre(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Cut or fill around the centre to the input's shape."""
        result = np.zeros((self.height, self.width), np.uint8)
        source, target = [], []
        for have, want in zip(pixels.shape, result.shape, strict=True):
            common = min(have, want)
            source.append(slice((have - common) // 2, (have - common) // 2 + common))
            target.append(slice((want - common) // 2, (want - common) // 2 + common))
        result[tuple(target)] = pixels[tuple(source)]
        return result
