"""PNG and JPEG to 8-bit grey, by Pillow, after strict checks."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxrgate.core import ImageError, MediaType
from cxrgate.images.codec.jpeg import check_jpeg
from cxrgate.images.codec.limits import check_dimensions
from cxrgate.images.codec.png import check_png

_ORIENTATION = 0x0112
_MODES = ("L", "RGB")
_REFUSALS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow raises for broken files: a decoder that is short of memory is not among them."""


def decode_raster(content: bytes, media: MediaType) -> tuple[NDArray[np.uint8], bool]:
    """Pixels uint8[height, width], and whether a colour image was turned grey (ITU-R 601 luma).

    Raises:
        ImageError: TRUNCATED, CRC, DIMENSIONS, MODE_FORBIDDEN, FRAMES, METADATA or IMAGE_UNDECODABLE.
    """
    (check_png if media is MediaType.PNG else check_jpeg)(content)
    try:
        with warnings.catch_warnings():
            # Our own limits are the stricter ones; a warning of Pillow's must not become another answer.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=(media.value,)) as image:
                _check(image)
                image.load()
                return _grey(image)
    except _REFUSALS as error:
        raise ImageError("IMAGE_UNDECODABLE", f"expected a {media.value} file that can be decoded") from error


def _check(image: Image.Image) -> None:
    check_dimensions(image.width, image.height)
    if image.mode not in _MODES:
        raise ImageError("MODE_FORBIDDEN", "expected 8-bit grey or RGB without transparency or palette")
    if getattr(image, "n_frames", 1) != 1:
        raise ImageError("FRAMES", "expected one frame")
    if _orientation(image) != 1:
        raise ImageError("METADATA", "expected an upright image, its metadata ask for a rotation")


def _orientation(image: Image.Image) -> object:
    """What the metadata say; an image is never turned silently, whichever way a viewer would."""
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except _REFUSALS as error:
        raise ImageError("METADATA", "expected metadata that can be read") from error


def _grey(image: Image.Image) -> tuple[NDArray[np.uint8], bool]:
    if image.mode == "L":
        return np.array(image), False
    channels = np.asarray(image)
    colour = bool((channels[..., 1:] != channels[..., :1]).any())
    return (np.array(image.convert("L")) if colour else np.ascontiguousarray(channels[..., 0])), colour
