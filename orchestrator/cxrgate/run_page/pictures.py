"""Small pictures for the side-by-side view."""

from __future__ import annotations

import base64
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxrgate.core import UsageError
from cxrgate.images.codec.encode import encode_png

SIDE = 160
"""The longer side of a picture in pixels: enough to see pose, devices and outline, too little to read."""


class PictureChanged(UsageError):
    """An image has other pixels than those that were judged: no picture of it belongs beside their numbers."""


class Pictures(Protocol):
    """Where pixels come from; given only when the reader of the page may see real patients' images."""

    def synthetic(self, image_id: str, pixel_digest: str) -> NDArray[np.uint8]:
        """The pixels that were judged, uint8[height, width], with their digest in the results.

        Raises:
            PictureChanged: the image has other pixels now.
        """
        ...

    def reference(self, reference_id: str) -> NDArray[np.uint8]:
        """The enrolled image, uint8[height, width]."""
        ...


def judged_uri(pictures: Pictures, image_id: str, pixel_digest: str, side: int = SIDE) -> str:
    """A data URI of the pixels that were judged; "" where the image has others now, which the page has to say."""
    try:
        return data_uri(pictures.synthetic(image_id, pixel_digest), side)
    except PictureChanged:
        return ""


def data_uri(pixels: NDArray[np.uint8], side: int = SIDE) -> str:
    """A PNG of uint8[height, width] that stands in the page itself, reduced to `side` and never enlarged."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return "data:image/png;base64," + base64.b64encode(encode_png(np.asarray(image))).decode()
