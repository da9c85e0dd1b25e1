"""Whatever people hold an image in, as the record that the one decode function reads.

    path, bytes, Pillow image, array, tensor -> Given(name, label, ImageRecord | Failure)

An image that cannot be read or whose range is not known becomes a Failure: it is INDETERMINATE, and never left out.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cxrgate.client.encode import encode_sample
from cxrgate.core import Failure, ImageError, ImageRecord, Stage, UsageError
from cxrgate.images import ImageFile, SourceOptions, read_listing

Range = tuple[float, float]

UNIT_RANGE = (0.0, 1.0)
"""What floats of arrays and tensors are taken for where nothing else is said; what lies outside is refused."""

_CHANNELS = {1, 3}


@dataclass(frozen=True, slots=True)
class Given:
    """One image, what its caller calls it, and its class. `record` has the number of the image for its id."""

    name: str
    label: str
    record: ImageRecord | Failure


def read_given(images: Any, value_range: Range | None) -> Iterator[Given]:
    """The images one after another, read as they are asked for.

    Args:
        images: see Filter.check.
        value_range: what floats call black and white.

    Raises:
        UsageError: `images` is one image where several are expected, or a folder or list that cannot be read.
    """
    for number, (name, label, item) in enumerate(_named(images, value_range)):
        yield Given(name, label, _record(str(number), item, value_range))


def _named(images: Any, value_range: Range | None) -> Iterable[tuple[str, str, Any]]:
    if isinstance(images, str | os.PathLike):
        files = read_listing(Path(images), SourceOptions(float_range=value_range)).files
        return ((file.image_id, file.label, file) for file in files)
    if isinstance(images, Mapping):
        return ((str(name), "", item) for name, item in images.items())
    expect_several(images)
    return ((_name(number, item), "", item) for number, item in enumerate(images))


def expect_several(images: Any) -> None:
    """Raise UsageError for what is one image, or may be one: its parts would be taken for images."""
    is_array = hasattr(images, "shape") and getattr(images.dtype, "kind", "f") in "biuf"  # not a column of paths
    shape = tuple(images.shape) if is_array else ()
    one = isinstance(images, bytes | bytearray | memoryview) or _is_pillow(images) or not isinstance(images, Iterable)
    if one or (is_array and len(shape) < 3):
        raise UsageError(f"one {type(images).__name__} was given where several images go: give it in a list, [image]")
    if len(shape) == 3 and (shape[0] in _CHANNELS or shape[2] in _CHANNELS):
        raise UsageError(
            f"an array of shape {list(shape)} may be one image with channels or several images: give [image], or "
            "images[:, None] where the first axis counts images"
        )


def _name(number: int, item: Any) -> str:
    return str(os.fspath(item)) if isinstance(item, str | os.PathLike) else f"image{number:06}"


def _record(number: str, item: Any, value_range: Range | None) -> ImageRecord | Failure:
    try:
        return _read(number, item, value_range)
    except ImageError as error:
        return error.failure(number, Stage.READ)
    except Exception as error:  # noqa: BLE001 - a Pillow file that is cut off, an array on a device that is gone
        message = f"this image could not be read, which ended with {type(error).__name__}: save it again"
        return Failure(number, Stage.READ, "INVALID_ARGUMENT", "IMAGE_UNDECODABLE", message)


def _read(number: str, item: Any, value_range: Range | None) -> ImageRecord:
    if isinstance(item, ImageFile):
        return replace(item.read(), image_id=number)
    if isinstance(item, str | os.PathLike):
        return ImageFile(Path(item), number, value_range=value_range).read()
    if isinstance(item, bytes | bytearray | memoryview):
        return ImageRecord(number, bytes(item), value_range=value_range)
    if _is_pillow(item):
        try:
            return ImageRecord(number, encode_sample(item))
        except ValueError as error:
            raise ImageError("MODE_FORBIDDEN", str(error)) from error
    return ImageRecord(number, _array(item), value_range=value_range or UNIT_RANGE)


def _is_pillow(item: Any) -> bool:
    """Whether it is a Pillow image; nobody has one before Pillow is loaded."""
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(item, pillow.Image)


def _array(item: Any) -> bytes:
    """An array or tensor as numpy saves it (.npy): which shapes and types are images is for the decode function."""
    if hasattr(item, "detach"):
        item = item.detach().cpu()
        item = item.float() if str(item.dtype) == "torch.bfloat16" else item  # numpy has no such type
        item = item.numpy()
    if not hasattr(item, "__array__"):
        message = f"{type(item).__name__} is no image: give a path, bytes, a Pillow image, an array or a tensor"
        raise ImageError("MODE_FORBIDDEN", message)
    content = io.BytesIO()
    np.save(content, np.ascontiguousarray(item), allow_pickle=False)
    return content.getvalue()
