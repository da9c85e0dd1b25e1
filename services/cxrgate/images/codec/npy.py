"""Arrays that numpy saved (.npy): one image of uint8, or of floats whose range the caller states."""

from __future__ import annotations

import io
from typing import IO

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from cxrgate.core import ImageError
from cxrgate.images.codec.colour import join_channels
from cxrgate.images.codec.limits import check_dimensions
from cxrgate.storage.array_headers import ARRAY_HEADERS

SIGNATURE = npy_format.MAGIC_PREFIX
_CHANNELS = {1, 3}
_FLOATS = {"f2", "f4", "f8"}


def decode_npy(content: bytes, value_range: tuple[float, float] | None) -> tuple[NDArray[np.uint8], bool]:
    """Pixels uint8[height, width], and whether colour channels that differed a little were joined.

    Args:
        content: an array [height, width], [height, width, c] or [c, height, width] with c 1 or 3; further leading
            axes of length 1 are dropped.
        value_range: what floats call black and white; they are brought to 0 to 255, rounded.

    Raises:
        ImageError: TRUNCATED, DIMENSIONS, MODE_FORBIDDEN, VALUE_RANGE, NONFINITE or IMAGE_UNDECODABLE.
    """
    values = _read(content)
    if values.dtype == np.uint8:
        return join_channels(np.asarray(values))
    if value_range is None:
        raise ImageError("VALUE_RANGE", "the array has floats whose range is not stated: set float_range or save uint8")
    return join_channels(_scaled(values, value_range))


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[np.generic], bool]:
    """Shape, dtype and whether the order is Fortran's; the file stands at the first value then.

    Raises:
        ImageError: TRUNCATED or IMAGE_UNDECODABLE.
    """
    try:
        version = npy_format.read_magic(file)
        read = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}[version]
        with ARRAY_HEADERS:
            shape, fortran, dtype = read(file)
    except EOFError as error:
        raise ImageError("TRUNCATED", "the file ends within the array's header: copy or save it again") from error
    except Exception as error:  # the header is a Python literal, and fails in as many ways
        raise ImageError("IMAGE_UNDECODABLE", "the array's header cannot be read: save it with numpy.save") from error
    return shape, dtype, fortran


def image_shape(shape: tuple[int, ...]) -> tuple[int, int, int] | None:
    """Height, width and channels of an array that is one image, None for every other."""
    while len(shape) > 3 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) == 2:
        return shape[0], shape[1], 1
    if len(shape) != 3:
        return None
    if shape[2] in _CHANNELS:
        return shape[0], shape[1], shape[2]
    return (shape[1], shape[2], shape[0]) if shape[0] in _CHANNELS else None


def _read(content: bytes) -> NDArray[np.generic]:
    """The array's values [height, width, channels]."""
    file = io.BytesIO(content)
    shape, dtype, fortran = read_header(file)
    if dtype != np.uint8 and dtype.str[1:] not in _FLOATS:
        raise ImageError("MODE_FORBIDDEN", "the array has neither uint8 nor floats: convert it to uint8")
    size = image_shape(shape)
    if size is None:
        raise ImageError(
            "DIMENSIONS",
            f"the array has {len(shape)} axes, one image has two or three: save each image in a file of its own",
        )
    height, width, channels = size
    check_dimensions(width, height)
    count = height * width * channels
    if len(content) - file.tell() < count * dtype.itemsize:
        raise ImageError("TRUNCATED", f"the array's file ends before its {count} values: copy or save it again")
    values = np.frombuffer(content, dtype, count, file.tell()).reshape(shape, order="F" if fortran else "C")
    values = values.reshape(shape[-3:]) if len(shape) > 3 else values
    return np.moveaxis(values, 0, 2) if values.ndim == 3 and values.shape != size else np.atleast_3d(values)


def _scaled(values: NDArray[np.generic], value_range: tuple[float, float]) -> NDArray[np.uint8]:
    low, high = value_range
    numbers = values.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise ImageError("NONFINITE", "the array holds NaN or infinity: replace them")
    if numbers.min() < low or numbers.max() > high:
        raise ImageError(
            "VALUE_RANGE", f"the array has values outside the stated range {low:g} to {high:g}: state another"
        )
    return np.asarray(np.rint((numbers - low) / (high - low) * 255), dtype=np.uint8)
