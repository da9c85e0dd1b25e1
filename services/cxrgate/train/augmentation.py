"""How strongly a training changes its images; augmenter.Augmenter does it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Augmentation(BaseModel):
    """Ranges and shares. A range r of a factor means exp(-r) to exp(r); shares are of the images of a batch."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rotation: float = 8.0
    """Degrees to either side."""
    zoom: tuple[float, float] = (0.88, 1.14)
    """Visible part of each side: below 1 crops, above 1 shrinks."""
    aspect: float = 0.06
    shift: float = 0.08
    """Of half a side."""
    flip: float = 0.0
    gamma: float = 0.45
    contrast: float = 0.25
    brightness: float = 0.1
    shading: float = 0.06
    """Deviation of a smooth random field that is added to half of the images."""
    invert: float = 0.0
    resolution: float = 0.6
    """Share of the images that lose resolution, to `smallest` px at least (a tenth of them to 0.6 times that)."""
    smallest: int = 80
    noise: float = 0.05
    """Largest deviation, of white 1, in a third of the images."""
    jpeg: float = 0.3
    quality: tuple[int, int] = (20, 90)
    erase: float = 0.3
    blend: float = 0.0
    """Share of the images that get up to 30 % of another image of the batch."""
