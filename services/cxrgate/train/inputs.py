"""From rows of the training set to a network's input, changed at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from cxrgate.models import Preprocessing
from cxrgate.train.augmenter import Augmenter
from cxrgate.train.pixels import PixelSet
from cxrgate.train.recipe import Recipe

MARGIN = 8 / 7
"""Training images are kept this much larger than the input, so that turning and cropping lose nothing."""


def stored_side(preprocessing: Preprocessing) -> int:
    """The side, px, at which training images are kept."""
    return round(preprocessing.height * MARGIN)


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """The training set as a network sees it. For copies every image is a patient of its own."""

    images: PixelSet
    recipe: Recipe
    device: str = "cpu"

    @property
    def labels(self) -> NDArray[np.int64]:
        """What counts as the same, int64[n]."""
        if self.recipe.kind.finds_pictures:
            return np.arange(len(self.images.patients))
        return self.images.patients

    @property
    def sources(self) -> NDArray[np.int64]:
        """int64[n]."""
        return self.images.sources

    def batch(self, rows: NDArray[np.int64], generator: Generator) -> Tensor:
        """Changed and normalised images, float32[n, 3, side, side], channels last."""
        preprocessing = self.recipe.input
        pixels = torch.from_numpy(np.ascontiguousarray(self.images.pixels[rows]))
        return normalise(
            Augmenter(self.recipe.augmentation)(pixels, preprocessing.height, generator), preprocessing
        ).to(self.device)


def normalise(grey: Tensor, preprocessing: Preprocessing) -> Tensor:
    """float32[n, 1, h, w] in 0 to 1 to float32[n, 3, h, w], as Forward does."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (preprocessing.mean, preprocessing.std))
    return ((grey - mean) / std).contiguous(memory_format=torch.channels_last)
