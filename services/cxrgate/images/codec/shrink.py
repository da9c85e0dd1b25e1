"""Images made smaller before they are judged, so that little can be hidden in what is released."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cxrgate.core import GreyImage


def shrink(image: GreyImage, side: int | None) -> GreyImage:
    """The image with a longer side of at most `side` pixels, its aspect kept; the very image where it is small enough.

    Each new pixel is the mean of the area that it covers, in Pillow's fixed-point arithmetic: equal pixels give equal
    pixels on every CPU, and, as every old pixel has its share, none of them can decide how the small picture looks.
    """
    if side is None or max(image.pixels.shape) <= side:
        return image
    from PIL import Image  # noqa: PLC0415 - the pipeline imports this file, and pixels mostly stay as they are

    height, width = image.pixels.shape
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return replace(image, pixels=np.asarray(Image.fromarray(image.pixels).resize(size, Image.Resampling.BOX)))
