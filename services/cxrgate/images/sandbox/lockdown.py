"""What a decode worker does before its first image: load what decoding needs, then give up everything else."""

from __future__ import annotations

import ctypes
import os
import resource
from collections.abc import Callable
from pathlib import Path

from PIL import Image, MpoImagePlugin, TiffImagePlugin

from cxrgate.core import Failure, GreyImage, ImageRecord
from cxrgate.core.allocator import PIXELS, keep_freed_memory
from cxrgate.images.codec.decode import decode
from cxrgate.images.sandbox.samples import samples

MEMORY_BYTES = 3 * 2**29
"""Address space above what the libraries take: 1.5 GiB. The largest allowed image takes below 0.5 GiB."""

_LOADED = (Image, MpoImagePlugin, TiffImagePlugin)
"""Pillow loads the last two on demand, for files with several pictures and with Exif data."""

_PR_SET_NO_NEW_PRIVS = 38


def lock_down(_task: Callable[[ImageRecord], GreyImage | Failure]) -> None:
    """Decode one image of each kind, then set the limits of this process; there is no way back.

    Args:
        _task: what this worker will run; receiving it loads its modules, which cannot be done later.

    Raises:
        OSError: a limit could not be set; such a worker gets no image.
    """
    keep_freed_memory(PIXELS)
    for content in samples():
        decode(ImageRecord("sample", content))
    used = _address_space()
    _limit(resource.RLIMIT_AS, used + MEMORY_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "expected to be able to renounce privileges")
    # Open descriptors stay usable, a new one would get the lowest free number, which is not allowed.
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    _limit(resource.RLIMIT_NOFILE, lowest)


def _limit(kind: int, value: int) -> None:
    resource.setrlimit(kind, (value, value))


def _address_space() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    return int(pages) * resource.getpagesize()
