"""One decode worker in a pool of its own, so that its death is its own.

Workers of one pool share two pipes and their locks. One that was killed while it took an image or wrote an answer kept
the locks: the others waited for a minute, and nobody knew whose image was gone. A worker that shares nothing can only
lose what it was given, and pebble sees within a tenth of a second that it is dead.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from pebble import ProcessExpired, ProcessPool

from cxrgate.core import Failure, GreyImage, ImageRecord
from cxrgate.images.sandbox.interpreter import FreshContext
from cxrgate.images.sandbox.lockdown import lock_down
from cxrgate.images.sandbox.segment import Answer, Segment, WritableSegment

Task = Callable[[ImageRecord], GreyImage | Failure]

SECONDS = 60.0
"""Wall time for what a worker is given at a time, after which it is killed; on a busy machine the limit of processor
time must come first."""

STALL_SECONDS = 180.0
"""A worker that gives no answer for so long is broken: SECONDS count from when it takes the image, after its start."""

_WATCH_SECONDS = 0.2
"""How often a waiting image looks whether its worker still works."""


class WorkerLostError(Exception):
    """The worker is gone, and had not begun with what it was given: another worker may be asked."""


class Worker:
    """A process that decodes one group of images at a time; `lost` where it is of no use any more."""

    def __init__(self, task: Task) -> None:
        """It runs `task`, and starts with `start` or with its first image."""
        self._task = task
        self._segment = Segment()
        self._pool = ProcessPool(1, initializer=_prepare, initargs=(task, self._segment), context=FreshContext())
        self.lost = False

    def start(self) -> None:
        """Start the process, which loads what it needs beside whatever comes next."""
        _ = self._pool.active

    async def decode(self, records: Sequence[ImageRecord]) -> list[GreyImage | Failure]:
        """Decode images one after another.

        Raises:
            TimeoutError: they took SECONDS.
            ProcessExpired: the worker died at one of them; `exitcode` says of what.
            WorkerLostError: the worker died before it began, or does not answer at all.
        """
        try:
            answers = await self._answer(records)
        except ProcessExpired:
            self.lost = True
            raise
        except RuntimeError as error:  # also BrokenProcessPool; none comes from decoding, see decoder._attempt
            self.lost = True
            raise WorkerLostError from error
        # The worker gets nothing else before this is done: until then the pixels are those of these images.
        return [self._segment.take(answer) for answer in answers]

    async def _answer(self, records: Sequence[ImageRecord]) -> list[Answer]:
        answer = asyncio.wrap_future(self._pool.schedule(_decode, args=(self._task, records), timeout=SECONDS))
        end = time.monotonic() + STALL_SECONDS
        while not (await asyncio.wait({answer}, timeout=_WATCH_SECONDS))[0]:
            if not self._pool.active or time.monotonic() > end:
                answer.add_done_callback(_passed_over)
                raise RuntimeError("expected a worker that answers")
        return await answer

    def stop(self) -> None:
        """End the process; what it was doing is lost."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()


_own: list[WritableSegment] = []
"""In a worker: its segment."""


def _prepare(task: Task, segment: WritableSegment) -> None:
    """In a worker, before its first image."""
    _own.append(segment)
    lock_down(task)


def _decode(task: Task, records: Sequence[ImageRecord]) -> list[Answer]:
    """In a worker: decode images, and lay their pixels where the parent finds them."""
    return _own[0].put(task(record) for record in records)


def _passed_over(answer: asyncio.Future[list[Answer]]) -> None:
    """What comes too late is of no interest, and asyncio complains about errors that nobody reads."""
    if not answer.cancelled():
        answer.exception()
