"""The two fixed recipes of degraded copies that the models are judged on."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from cxrgate.planted.copies import MEDIUM, STRONG, CopyRecipe, make_copy
from cxrgate.planted.leak import Change, Leak, Pixels, sign


def copied(recipe: CopyRecipe) -> Change:
    """The recipe as a change of pixels: what its JPEG shows."""

    def change(pixels: Pixels, rng: np.random.Generator, _other: Pixels) -> Pixels:
        content = make_copy(pixels, recipe, np.array([sign(rng), sign(rng)]))
        return np.asarray(Image.open(io.BytesIO(content)))

    return change


MEDIUM_COPY = (Leak(MEDIUM.name, "192 px", copied(MEDIUM)),)
STRONG_COPY = (Leak(STRONG.name, "112 px", copied(STRONG)),)
