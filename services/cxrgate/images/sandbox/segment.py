"""The memory through which a decode worker hands its pixels over, so that they go through no pipe.

A worker puts pixels there and says where they lie; its parent takes a copy before anything is computed of them. So what
a worker writes later changes no image that it has handed over: digest, numbers and the released file are of one copy.

The memory is a file without a name. A worker inherits it, for it can open nothing; nobody can make it smaller, which
would end whoever reads it.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing.reduction import DupFd
from typing import Protocol

import numpy as np

from cxrgate.core import Failure, GreyImage
from cxrgate.images.codec.limits import MAXIMUM_PIXELS

_SIZE_IS_FIXED = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


@dataclass(frozen=True, slots=True)
class Placed:
    """An image without its pixels, which lie in the segment from `offset` on."""

    image_id: str
    offset: int
    height: int
    width: int
    colour: bool


class Inherited(Protocol):
    """What DupFd is in the process that is started."""

    def detach(self) -> int:
        """The descriptor, which the caller closes."""
        ...


Answer = GreyImage | Failure | Placed
"""What a worker sends: an image without a place goes with its pixels; what a task gives in place of one, as it is."""


class Segment:
    """Room for the largest image. It takes memory only where something was put; the process's end frees it."""

    def __init__(self, size: int = MAXIMUM_PIXELS) -> None:
        """Make one of so many bytes, in the parent."""
        self._descriptor = os.memfd_create("cxrgate-pixels", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        weakref.finalize(self, os.close, self._descriptor)
        os.ftruncate(self._descriptor, size)
        fcntl.fcntl(self._descriptor, fcntl.F_ADD_SEALS, _SIZE_IS_FIXED)
        self._size = size
        self._memory = mmap.mmap(self._descriptor, size, prot=mmap.PROT_READ)

    def __reduce__(self) -> tuple[Callable[[Inherited, int], WritableSegment], tuple[Inherited, int]]:
        """As it reaches a worker that is started."""
        return WritableSegment, (DupFd(self._descriptor), self._size)

    def take(self, answer: Answer) -> GreyImage | Failure:
        """The image with a copy of its pixels; ValueError where it is said to lie where there is nothing."""
        if not isinstance(answer, Placed):
            return answer
        if min(answer.height, answer.width, answer.offset + 1) < 1:
            raise ValueError("expected an image within the segment")
        count = answer.height * answer.width
        pixels = np.frombuffer(self._memory, np.uint8, count, answer.offset).reshape(answer.height, answer.width)
        return GreyImage(answer.image_id, pixels.copy(), answer.colour)


class WritableSegment:
    """A segment in the worker that has it."""

    def __init__(self, descriptor: Inherited, size: int) -> None:
        """Map the memory that the parent made."""
        inherited = descriptor.detach()
        self._memory = np.frombuffer(mmap.mmap(inherited, size), np.uint8)
        os.close(inherited)

    def put(self, images: Iterable[GreyImage | Failure]) -> list[Answer]:
        """Lay the pixels of each image behind those of the one before, as far as there is room."""
        answers: list[Answer] = []
        end = 0
        for image in images:
            if not isinstance(image, GreyImage) or end + image.pixels.size > len(self._memory):
                answers.append(image)
                continue
            height, width = image.pixels.shape
            area = self._memory[end : end + image.pixels.size].reshape(height, width)
            area[:] = image.pixels
            answers.append(Placed(image.image_id, end, height, width, image.colour))
            end += image.pixels.size
        return answers
