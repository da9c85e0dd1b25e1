"""One decode worker in a pool of its own, so that its death is its own.

Workers of one pool share two pipes and their locks. One that was killed while it took an image or wrote an answer kept
the locks: the others waited for a minute, and nobody knew whose image was gone. A worker that shares nothing can only
lose what it was given, and pebble sees within a tenth of a second that it is dead.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from pebble import ProcessExpired, ProcessPool

from cxrgate.core import Failure, GreyImage, ImageRecord
from cxrgate.images.sandbox.interpreter import FreshContext
from cxrgate.images.sandbox.lockdown import lock_down

Task = Callable[[ImageRecord], GreyImage | Failure]

SECONDS = 60.0
"""Wall time per image, after which its worker is killed; on a busy machine the limit of processor time must come
first."""

STALL_SECONDS = 180.0
"""A worker that gives no answer for so long is broken: SECONDS count from when it takes the image, after its start."""

_WATCH_SECONDS = 0.2
"""How often a waiting image looks whether its worker still works."""


class WorkerLostError(Exception):
    """The worker is gone, and the image was not the one that it was decoding: another worker may be asked."""


class Worker:
    """A process that decodes one image at a time; `lost` where it is of no use any more."""

    def __init__(self, task: Task) -> None:
        """It runs `task`, and starts with `start` or with its first image."""
        self._task = task
        self._pool = ProcessPool(1, initializer=lock_down, initargs=(task,), context=FreshContext())
        self.lost = False

    def start(self) -> None:
        """Start the process, which loads what it needs beside whatever comes next."""
        _ = self._pool.active

    async def decode(self, record: ImageRecord) -> GreyImage | Failure:
        """Decode one image.

        Raises:
            TimeoutError: it took SECONDS.
            ProcessExpired: the worker died at it; `exitcode` says of what.
            WorkerLostError: the worker died before it began with it, or does not answer at all.
        """
        try:
            return await self._answer(record)
        except ProcessExpired:
            self.lost = True
            raise
        except RuntimeError as error:  # also BrokenProcessPool; none comes from decoding, see decoder._attempt
            self.lost = True
            raise WorkerLostError from error

    async def _answer(self, record: ImageRecord) -> GreyImage | Failure:
        answer = asyncio.wrap_future(self._pool.schedule(self._task, args=(record,), timeout=SECONDS))
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


def _passed_over(answer: asyncio.Future[GreyImage | Failure]) -> None:
    """What comes too late is of no interest, and asyncio complains about errors that nobody reads."""
    if not answer.cancelled():
        answer.exception()
