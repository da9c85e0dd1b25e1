"""Numbers with their nouns, as sentences on a listing have them."""

from __future__ import annotations

from cxrgate.core.counted import counted


def images(count: int) -> str:
    """The number of images, with its noun."""
    return counted(count, "image")
