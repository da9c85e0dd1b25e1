"""How a decoded image becomes a network's input: a model's manifest says it, and its digest covers it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
