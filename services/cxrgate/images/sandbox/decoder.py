"""Decoding in worker processes that can open nothing, and whose death costs one image.

A worker may not open another file or socket (no free descriptor), allocate above its limit, write a file, dump
core or gain privileges. It gets bytes over a pipe that exists already and lays pixels into memory that exists already,
see segment. This holds crashes, endless loops, floods of memory and every ordinary bug of a decoder; the pipe carries
pickles, so it is no wall against code that has taken a worker over.
"""

from __future__ import annotations

import asyncio
import functools
import heapq
import itertools
import signal
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from cxrgate.core import Failure, GreyImage, ImageError, ImageRecord, Stage
from cxrgate.core.threads import NICENESS
from cxrgate.images.codec.decode import decode
from cxrgate.images.sandbox.worker import SECONDS, Worker, WorkerDiedError, WorkerLostError

CPU_SECONDS = 15.0
"""Processor time per image, after which its worker is killed; the largest allowed ones, 25 megapixels of JPEG 2000,
were measured to take 4.6 seconds, other encodings below 4."""

TOGETHER, TOGETHER_BYTES = 16, 2**19
"""Images that a worker is given at a time, and the bytes above which it gets no further one. One message for all costs
as much as for one, and between two a worker waits. But a call of one image waits for all that the worker has; with five
radiographs of 490 kB at a time that was half of what callers waited."""

FEW = 4
"""Images of a call at most that the express worker takes."""

_TRIES = 3
"""Workers that are asked for an image, each after the one before was lost without having begun with it."""


_PATIENCE = 8
"""How many images a call waits longer for each one that it asks for: a gate's full batches, three of which may wait
here, must not hold up the batch of one image beside them."""

_Turn = tuple[int, int, "asyncio.Future[Worker]"]
"""Who waits: when it is due, its number, and what it waits by."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a call stands in line: after how many images it is due, and whether the express worker is for it."""

    due: int
    few: bool


class SandboxedDecoder:
    """A set of decode workers; use as a context manager, from one event loop at a time.

    With `express` there is one worker more, for calls of at most FEW images, and it goes first where processors are
    short: beside full batches a call of one image takes half the time.

    Example:
        with SandboxedDecoder(workers=2) as decoder:
            images = await decoder.decode(records)
    """

    def __init__(
        self, workers: int = 1, function: Callable[[ImageRecord], GreyImage] = decode, *, express: bool = False
    ) -> None:
        """Have `workers` processes (fresh interpreters) run `function`; they start on entering the context."""
        self._task = functools.partial(_attempt, function)
        # The express worker would share a core with the others otherwise.
        self._niceness = NICENESS if express else 0
        self._express = Worker(self._task) if express else None
        self._ordinary = workers
        self._workers = [Worker(self._task, self._niceness) for _ in range(workers)]
        if self._express is not None:
            self._workers.insert(0, self._express)
        self._idle, self._few, self._many = deque(self._workers), list[_Turn](), list[_Turn]()
        self._begun, self._numbers = 0, itertools.count()
        self._closed = False

    def __enter__(self) -> Self:
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers; what they were doing is lost."""
        self._closed = True
        for worker in self._workers:
            worker.stop()

    async def decode(self, records: Sequence[ImageRecord]) -> list[GreyImage | Failure]:
        """See core.ports.Decoder.

        Calls of equal length are served as they come. A shorter one goes before a longer one, unless that has waited
        for `_PATIENCE` images for each that it asks for more.
        """
        few = self._express is not None and len(records) <= FEW
        place = _Place(self._begun + _PATIENCE * len(records), few)
        size = max(1, min(TOGETHER, len(records) // self._ordinary))
        found = await asyncio.gather(*[self._decode_group(group, place) for group in _groups(records, size)])
        return [image for group in found for image in group]

    async def _decode_group(self, records: Sequence[ImageRecord], place: _Place) -> list[GreyImage | Failure]:
        """Decode images together; where that fails each one alone, which shows whose fault it is."""
        if len(records) > 1:
            with suppress(Exception):
                return await self._ask_workers(records, place)
        return list(await asyncio.gather(*[self._decode(record, place) for record in records]))

    async def _decode(self, record: ImageRecord, place: _Place) -> GreyImage | Failure:
        try:
            (image,) = await self._ask_workers([record], place)
        except TimeoutError:
            return _failure(
                record,
                "DECODER_TIMEOUT",
                f"decoding took more than {SECONDS:g} seconds: save the image smaller, or as PNG",
            )
        except WorkerDiedError as error:
            if error.exitcode == -signal.SIGPROF:
                return _failure(
                    record,
                    "DECODER_TIMEOUT",
                    f"decoding took more than {CPU_SECONDS:g} s of processor: save the image smaller, or as PNG",
                )
            if error.exitcode == -signal.SIGKILL:  # from outside: what ends processes where memory is short does so
                return _internal(record, "DECODER_KILLED", error)
            return _failure(record, "DECODER_DIED", "the image ended its decoder: save it again")
        except Exception as error:  # noqa: BLE001 - the workers' own troubles are ours, and never a pass
            return _internal(record, "DECODER_BROKEN", error)
        return image

    async def _ask_workers(self, records: Sequence[ImageRecord], place: _Place) -> list[GreyImage | Failure]:
        """Ask one worker, and another one where it was lost before it began."""
        for _ in range(_TRIES - 1):
            try:
                return await self._ask(records, place)
            except WorkerLostError:
                continue
        return await self._ask(records, place)

    async def _ask(self, records: Sequence[ImageRecord], place: _Place) -> list[GreyImage | Failure]:
        worker = await self._idle_one(place)
        self._begun += len(records)
        try:
            return await worker.decode(records)
        finally:
            lost = worker.lost and not self._closed
            self._now_idle(self._instead_of(worker) if lost else worker)
            if lost:
                await asyncio.to_thread(worker.stop)

    async def _idle_one(self, place: _Place) -> Worker:
        """A worker that has nothing to do, when the turn of what is due then has come."""
        for worker in self._idle:
            if place.few or worker is not self._express:
                self._idle.remove(worker)
                return worker
        turn: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._few if place.few else self._many, (place.due, next(self._numbers), turn))
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._now_idle(turn.result())
            raise

    def _lines(self, worker: Worker) -> tuple[list[_Turn], ...]:
        """Who gets a worker that has nothing to do, in this order.

        The express worker is for few images alone. Another one, which goes after everything else, takes them where
        nobody waits with many, or where they are due, and before those: somebody's slow image may hold up the express
        worker.
        """
        if worker is self._express:
            return (self._few,)
        is_due = bool(self._few) and self._few[0][0] <= min([self._begun, *[turn[0] for turn in self._many[:1]]])
        return (self._few, self._many) if is_due else (self._many, self._few)

    def _now_idle(self, worker: Worker) -> None:
        for line in self._lines(worker):
            while line:
                turn = heapq.heappop(line)[-1]
                if not turn.done():
                    turn.set_result(worker)
                    return
        (self._idle.appendleft if worker is self._express else self._idle.append)(worker)

    def _instead_of(self, lost: Worker) -> Worker:
        """A new worker in the place of one that is lost."""
        is_express = lost is self._express
        new = Worker(self._task, 0 if is_express else self._niceness)
        self._workers[self._workers.index(lost)] = new
        if is_express:
            self._express = new
        return new


def _groups(records: Sequence[ImageRecord], most: int) -> list[list[ImageRecord]]:
    """Neighbouring images: at most so many, and no further one where there are more than TOGETHER_BYTES already."""
    groups, size = list[list[ImageRecord]](), 0
    for record in records:
        if not groups or len(groups[-1]) == most or size > TOGETHER_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(record)
        size += len(record.content)
    return groups


def _attempt(function: Callable[[ImageRecord], GreyImage], record: ImageRecord) -> GreyImage | Failure:
    """In a worker: decode one image.

    No exception leaves it: an odd one could not be read back, and SystemExit would end the parent.
    """
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        return function(record)
    except ImageError as error:
        return error.failure(record.image_id, Stage.DECODE)
    except MemoryError:
        return _failure(
            record, "DECODER_MEMORY", "the image does not fit into a decoder's memory: save it smaller, or as PNG"
        )
    except BaseException as error:  # noqa: BLE001 - an error that decode does not know is ours, and never a pass
        return _internal(record, "DECODER_ERROR", error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _failure(record: ImageRecord, reason: str, message: str) -> Failure:
    return Failure(record.image_id, Stage.DECODE, "INVALID_ARGUMENT", reason, message)


def _internal(record: ImageRecord, reason: str, error: BaseException) -> Failure:
    message = f"the decoder gave no answer, {type(error).__name__}: ask again"
    return Failure(record.image_id, Stage.DECODE, "INTERNAL", reason, message)
