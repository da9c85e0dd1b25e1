"""One grey picture out of channels: nearly equal ones are turned grey, others and used transparency are refused."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import ImageError

LARGEST_DIFFERENCE = 8
"""Levels by which the channels of one pixel may differ: rounding and JPEG leave a few, a hidden picture more."""

_OPAQUE = 255
_LUMA = np.asarray((0.299, 0.587, 0.114), np.float32)
"""ITU-R BT.601."""


def join_channels(channels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], bool]:
    """Pixels uint8[height, width], and whether channels that differ were joined (ITU-R 601 luma, rounded).

    Args:
        channels: uint8[height, width, c]: grey, grey and alpha, RGB, or RGB and alpha.

    Raises:
        ImageError: MODE_FORBIDDEN for alpha below 255 or channels more than LARGEST_DIFFERENCE apart anywhere.
    """
    if channels.shape[2] in {2, 4}:
        if (channels[..., -1] != _OPAQUE).any():
            raise ImageError(
                "MODE_FORBIDDEN",
                "the image is transparent in places, its alpha channel is below 255: save it without alpha",
            )
        channels = channels[..., :-1]
    first = channels[..., 0]
    highest, lowest = first, first
    for number in range(1, channels.shape[2]):
        highest, lowest = np.maximum(highest, channels[..., number]), np.minimum(lowest, channels[..., number])
    difference = int((highest - lowest).max(initial=0))
    if not difference:
        return np.ascontiguousarray(first), False
    if difference > LARGEST_DIFFERENCE:
        raise ImageError(
            "MODE_FORBIDDEN",
            f"the image has colour, channels differ by over {LARGEST_DIFFERENCE} levels of 255: convert it to grey",
        )
    return np.asarray(np.rint(channels @ _LUMA), dtype=np.uint8), True
