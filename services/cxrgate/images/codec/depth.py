"""Whole numbers of up to 16 bits to 8-bit grey, by a rule that depends on the numbers and the stated depth alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DEPTHS = (8, 10, 12, 14, 15, 16)
"""Depths, in bits, at which detectors and archives store radiographs; PadChest holds 12-bit images in 16-bit PNGs."""


def to_8_bits(values: NDArray[np.uint16], stated: int | None = None) -> NDArray[np.uint8]:
    """Each value times 255 / (2 ** depth - 1), rounded.

    The depth is the stated one where it holds every value, else the smallest of DEPTHS that does. A file whose values
    pass its stated depth has them scaled up to 16 bits, as the PNG specification asks (section 11.3.3.4, sBIT).

    Args:
        values: of any shape.
        stated: significant bits by the file's own word, 1 to 16.
    """
    largest = int(values.max(initial=0))
    fitting = stated if stated is not None and largest < 2**stated else None
    depth = fitting or next(bits for bits in DEPTHS if largest < 2**bits)
    # Once per value that the depth holds, not once per pixel; 2 ** depth - 1 is odd, so that no half is rounded.
    table = np.rint(np.arange(2**depth) * (255 / (2**depth - 1))).astype(np.uint8)
    return np.asarray(table[values])
