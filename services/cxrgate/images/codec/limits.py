"""What an image may be at most, checked on its header before anything is decoded."""

from __future__ import annotations

from cxrgate.core import ImageError

MAXIMUM_BYTES = 32 * 2**20
MAXIMUM_PIXELS = 25_000_000
MAXIMUM_SIDE = 8192
MINIMUM_SIDE = 64
MAXIMUM_ASPECT = 4


def check_size(content: bytes) -> None:
    """Raise ImageError for an empty image or one above 32 MiB."""
    if not content:
        raise ImageError("IMAGE_UNDECODABLE", "the image is empty, it has no bytes")
    if len(content) > MAXIMUM_BYTES:
        raise ImageError("IMAGE_TOO_LARGE", f"the image has {len(content)} bytes, at most {MAXIMUM_BYTES} are read")


def check_dimensions(width: int, height: int) -> None:
    """Raise ImageError unless both sides, their product and their ratio (in pixels) are within the limits."""
    short, long = min(width, height), max(width, height)
    if short < MINIMUM_SIDE or long > MAXIMUM_SIDE or width * height > MAXIMUM_PIXELS or long > MAXIMUM_ASPECT * short:
        raise ImageError(
            "DIMENSIONS",
            f"the image has {width} x {height} pixels; sides of {MINIMUM_SIDE} to {MAXIMUM_SIDE}, at most "
            f"{MAXIMUM_PIXELS} pixels and an aspect of at most {MAXIMUM_ASPECT} are read",
        )
