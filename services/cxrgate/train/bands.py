"""The bands of 16-bit dtypes, measured on images of the tune part as soon as a model is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.progress import Progress, silent
from cxrgate.models import Dtype, ModelManifest
from cxrgate.models.band import FEWEST, certify_band

IMAGES = 400
"""About as many are measured on: all pairs of them, in float32 and in both dtypes."""
_DTYPES = (Dtype.BFLOAT16, Dtype.FLOAT16)


def certify_bands(
    manifest: ModelManifest, folder: Path, pixels: NDArray[np.uint8], progress: Progress = silent
) -> ModelManifest:
    """Measure the bands of both 16-bit dtypes and write them into the model's manifest; its digest stays.

    Args:
        manifest: as it was written.
        folder: of the model.
        pixels: uint8[n, side, side], of the tune part; where n is below FEWEST the manifest stays without bands.
        progress: told "measure bands", how many dtypes were measured now, and of how many.

    Raises:
        ModelError: a number is not finite in a dtype, see certify_band.
    """
    if len(pixels) < FEWEST:
        return manifest
    chosen = list(pixels[:: max(1, len(pixels) // IMAGES)])
    progress("measure bands", 0, len(_DTYPES))
    for dtype in _DTYPES:
        manifest = certify_band(folder, dtype, chosen)
        progress("measure bands", 1, len(_DTYPES))
    return manifest
