"""Pictures that Pillow reads (PNG, JPEG, TIFF, BMP, WebP) to 8-bit grey, after strict checks of their own."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxrgate.core import ImageError, MediaType
from cxrgate.images.codec.bmp import check_bmp
from cxrgate.images.codec.colour import join_channels
from cxrgate.images.codec.depth import to_8_bits
from cxrgate.images.codec.jpeg import check_jpeg
from cxrgate.images.codec.limits import check_dimensions
from cxrgate.images.codec.png import Png, check_png
from cxrgate.images.codec.png16 import read_16_bits
from cxrgate.images.codec.tiff import Tiff, check_tiff, openable, read_tiff_16_bits
from cxrgate.images.codec.webp import check_webp

_ORIENTATION = 0x0112
_UPRIGHT = {0, 1}
"""1 is upright; 0 is no orientation that Exif knows, and viewers show such an image as it is."""
_MODES = {"1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B"}
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

_CHECKS: dict[MediaType, Callable[[bytes], Png | Tiff | None]] = {
    MediaType.PNG: check_png,
    MediaType.JPEG: check_jpeg,
    MediaType.TIFF: check_tiff,
    MediaType.BMP: check_bmp,
    MediaType.WEBP: check_webp,
}


def decode_raster(content: bytes, media: MediaType) -> tuple[NDArray[np.uint8], bool]:
    """Pixels uint8[height, width], and whether colour channels that differed a little were joined.

    Raises:
        ImageError: TRUNCATED, CRC, DIMENSIONS, MODE_FORBIDDEN, FRAMES, METADATA or IMAGE_UNDECODABLE.
    """
    found = _CHECKS[media](content)
    try:
        with warnings.catch_warnings():
            # Our own limits are the stricter ones; a warning of Pillow's must not become another answer.
            warnings.simplefilter("ignore")
            readable = _readable(content, found)
            with Image.open(io.BytesIO(readable), formats=(media.value,)) as image:
                _check(image)
                return join_channels(_channels(image, content, found))
    except _REFUSALS as error:
        raise ImageError(
            "IMAGE_UNDECODABLE", f"the {media.value} file cannot be decoded: copy or save it again"
        ) from error


def _readable(content: bytes, found: Png | Tiff | None) -> bytes:
    """What Pillow is given: the same picture, in a form that it reads."""
    if isinstance(found, Png):
        return found.content
    return openable(content, found) if isinstance(found, Tiff) else content


def _check(image: Image.Image) -> None:
    check_dimensions(image.width, image.height)
    if image.mode not in _MODES:
        raise ImageError(
            "MODE_FORBIDDEN", "the image is neither grey nor RGB of whole numbers: convert it to 8-bit grey"
        )
    if getattr(image, "n_frames", 1) != 1:
        raise ImageError("FRAMES", "the file holds several pictures: save each in a file of its own")
    if _orientation(image) not in _UPRIGHT:
        raise ImageError(
            "METADATA",
            "the Exif orientation asks viewers to turn the image: apply it and save",
        )


def _orientation(image: Image.Image) -> object:
    """What the metadata say; an image is never turned silently, whichever way a viewer would."""
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except _REFUSALS as error:
        raise ImageError("METADATA", "the Exif metadata cannot be read: save the image without them") from error


def _channels(image: Image.Image, content: bytes, found: Png | Tiff | None) -> NDArray[np.uint8]:
    """The picture uint8[height, width, channels]: grey or RGB, perhaps with alpha."""
    if isinstance(found, Png) and found.header.depth == 16:
        return _scaled(read_16_bits(found), found.significant)
    if isinstance(found, Tiff) and found.bits == 16:
        scaled = _scaled(read_tiff_16_bits(content, found), None)
        return 255 - scaled if found.white_is_zero else scaled
    image.load()
    if image.mode == "P":
        _check_palette(image)
    if image.mode in {"1", "P"}:
        image = image.convert("L" if image.mode == "1" else "RGB")
    values = np.asarray(image)
    if values.dtype != np.uint8:  # the checks took its samples for others than Pillow did
        raise ImageError("MODE_FORBIDDEN", "the image's samples are not whole numbers of 8 bits: convert it to grey")
    return np.atleast_3d(values)


def _check_palette(image: Image.Image) -> None:
    """Pillow makes up the colours that a palette lacks."""
    palette = image.palette
    colours = 0 if palette is None else len(palette.palette) // len(palette.mode)
    if int(np.asarray(image).max(initial=0)) >= colours:
        raise ImageError(
            "IMAGE_UNDECODABLE",
            f"some pixels are not in the palette, which has {colours} colours: convert the image to grey",
        )


def _scaled(samples: NDArray[np.uint16], stated: int | None) -> NDArray[np.uint8]:
    """16-bit samples at 8 bits; alpha, which has a depth of its own, is opaque where it is full."""
    colours = samples.shape[2] - (samples.shape[2] in {2, 4})
    scaled = to_8_bits(samples[..., :colours], stated)
    if colours == samples.shape[2]:
        return scaled
    alpha = np.where(samples[..., colours:] == 2**16 - 1, np.uint8(255), np.uint8(0))
    return np.concatenate([scaled, alpha], axis=2)
