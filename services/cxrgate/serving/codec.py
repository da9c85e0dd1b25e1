"""Packed images and numbers of inference.v1, checked on the way in. Used by the handler and by its callers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cxrgate.api.inference.v1 import inference_pb2 as pb
from cxrgate.models.preprocess import Preprocessing

REQUEST = "request"
"""The key of TorchServe's input map under which a request travels."""

REQUEST_BYTES = 4 * 2**20
"""Pixels in one request: packing pays up to about there (measured 3 to 8 ms per MB), and the server's limit is far."""


def images_per_request(shape: Preprocessing) -> int:
    """How many images of a model's input size one request holds."""
    return max(1, REQUEST_BYTES // (shape.height * shape.width))


def pack_images(image_ids: Sequence[str], images: Sequence[NDArray[np.uint8]]) -> pb.ImageBatch:
    """One or more images uint8[height, width] of one shape; ValueError where they are of several."""
    stack = np.stack(images)
    _, height, width = stack.shape
    return pb.ImageBatch(image_ids=image_ids, height=height, width=width, pixels=stack.tobytes())


def unpack_images(batch: pb.ImageBatch, height: int, width: int) -> NDArray[np.uint8]:
    """The images uint8[n, height, width], one per id.

    Raises:
        ValueError: the images are of another size, or there are more or fewer pixels than that.
    """
    count = len(batch.image_ids)
    if (batch.height, batch.width) != (height, width) or len(batch.pixels) != count * height * width:
        raise ValueError(
            f"expected {count} images of {height} x {width}, got {batch.height} x {batch.width} "
            f"in {len(batch.pixels)} bytes"
        )
    return np.frombuffer(batch.pixels, np.uint8).reshape(count, height, width)


def pack_floats(values: NDArray[np.float32]) -> pb.Float32Array:
    """float32 of any shape."""
    return pb.Float32Array(shape=values.shape, values=values.astype("<f4").tobytes())


def unpack_floats(array: pb.Float32Array, *shape: int | None) -> NDArray[np.float32]:
    """float32 of that shape; an axis of None may have any length.

    Raises:
        ValueError: the shape or the length is another, or a number is not finite.
    """
    found = tuple(array.shape)
    fits = len(found) == len(shape) and all(want in {None, have} for have, want in zip(found, shape, strict=True))
    if not fits or len(array.values) != 4 * int(np.prod(found, dtype=object)):
        raise ValueError(f"expected float32{list(shape)}, got {list(found)} in {len(array.values)} bytes")
    values = np.frombuffer(array.values, "<f4").astype(np.float32).reshape(found)
    if not np.isfinite(values).all():
        raise ValueError("expected finite numbers")
    return values
