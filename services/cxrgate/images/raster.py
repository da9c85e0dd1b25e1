"""PNG and JPEG to 8-bit grey, by Pillow, after strict checks."""

from __future__ import annotations

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from cxrgate.core import ImageError, MediaType
from cxrgate.images.limits import check_dimensions
from cxrgate.images.png import check_png

_ORIENTATION = 0x0112
_MODES = ("L", "RGB")


def decode_raster(content: bytes, media: MediaType) -> tuple[NDArray[np.uint8], bool]:
    """Pixels uint8[height, width], and whether a colour image was turned grey (ITU-R 601 luma).

    Raises:
        ImageError: TRUNCATED, CRC, DIMENSIONS, MODE_FORBIDDEN, FRAMES, METADATA or IMAGE_UNDECODABLE.
    """
    if media is MediaType.PNG:
        check_png(content)
    try:
        with warnings.catch_warnings():
            # Our own limits are the stricter ones; a warning of Pillow's must not become another answer.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=(media.value,)) as image:
                _check(image)
                image.load()
                return _grey(image)
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError("IMAGE_UNDECODABLE", f"expected a {media.value} file") from error
    except Image.DecompressionBombError as error:
        raise ImageError("DIMENSIONS", "expected fewer pixels") from error
    except (OSError, SyntaxError) as error:
        raise ImageError("TRUNCATED", f"expected a whole {media.value} file") from error
    except (ValueError, KeyError, IndexError, TypeError, OverflowError) as error:
        raise ImageError("METADATA", "expected well-formed metadata") from error


def _check(image: Image.Image) -> None:
    check_dimensions(image.width, image.height)
    if image.mode not in _MODES:
        raise ImageError("MODE_FORBIDDEN", "expected 8-bit grey or RGB without transparency or palette")
    if getattr(image, "n_frames", 1) != 1:
        raise ImageError("FRAMES", "expected one frame")
    if image.getexif().get(_ORIENTATION, 1) != 1:
        raise ImageError("METADATA", "expected an upright image, its metadata ask for a rotation")


def _grey(image: Image.Image) -> tuple[NDArray[np.uint8], bool]:
    if image.mode == "L":
        return np.array(image), False
    channels = np.asarray(image)
    colour = bool((channels[..., 1:] != channels[..., :1]).any())
    return (np.array(image.convert("L")) if colour else np.ascontiguousarray(channels[..., 0])), colour
