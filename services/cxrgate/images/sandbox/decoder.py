"""Decoding in worker processes that can open nothing, and whose death costs one image.

A worker may not open another file or socket (no free descriptor), allocate above its limit, write a file, dump
core or gain privileges. It gets bytes over a pipe that exists already and answers with pixels. This holds crashes,
endless loops, floods of memory and every ordinary bug of a decoder; the pipe carries pickles, so it is no wall
against code that has taken a worker over.
"""

from __future__ import annotations

import asyncio
import functools
import signal
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from pebble import ProcessExpired, ProcessPool

from cxrgate.core import Failure, GreyImage, ImageError, ImageRecord, Stage
from cxrgate.images.codec.decode import decode
from cxrgate.images.sandbox.interpreter import FreshContext
from cxrgate.images.sandbox.lockdown import lock_down

SECONDS = 60.0
"""Wall time per image, after which its worker is killed; on a busy machine CPU_SECONDS must come first."""

CPU_SECONDS = 15.0
"""Processor time per image, after which its worker is killed; the largest allowed ones, 25 megapixels of JPEG 2000,
were measured to take 4.6 seconds, other encodings below 4."""

STALL_SECONDS = 180.0
"""A pool that owes answers and gives none for so long is broken: each of its images is given SECONDS at most."""

_WATCH_SECONDS = 0.5
"""How often a waiting image looks whether its pool still works."""


class SandboxedDecoder:
    """A pool of decode workers; use as a context manager.

    Example:
        with SandboxedDecoder(workers=2) as decoder:
            images = await decoder.decode(records)
    """

    def __init__(self, workers: int = 1, function: Callable[[ImageRecord], GreyImage] = decode) -> None:
        """Have `workers` processes (fresh interpreters) run `function`; they start on entering the context."""
        self._workers = workers
        self._task = functools.partial(_attempt, function)
        self._pool = self._start()
        self._closed = False
        self._answered = time.monotonic()

    def __enter__(self) -> Self:
        _ = self._pool.active  # asking starts the workers, which load what they need beside whatever comes next
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers; what they were doing is lost."""
        self._closed = True
        _stop(self._pool)

    async def decode(self, records: Sequence[ImageRecord]) -> list[GreyImage | Failure]:
        """See core.ports.Decoder."""
        return list(await asyncio.gather(*[self._decode(record) for record in records]))

    async def _decode(self, record: ImageRecord) -> GreyImage | Failure:
        try:
            return await self._run(record)
        except TimeoutError:
            return _failure(record, "DECODER_TIMEOUT", f"expected to be decoded within {SECONDS:g} seconds")
        except ProcessExpired as error:
            if error.exitcode == -signal.SIGPROF:
                return _failure(record, "DECODER_TIMEOUT", f"expected to take at most {CPU_SECONDS:g} s of processor")
            if error.exitcode == -signal.SIGKILL:  # from outside: what ends processes where memory is short does so
                return _internal(record, "DECODER_KILLED", error)
            return _failure(record, "DECODER_DIED", "expected an image that a decoder survives")
        except Exception as error:  # noqa: BLE001 - the pool's own troubles are ours, and never a pass
            return _internal(record, "DECODER_BROKEN", error)

    async def _run(self, record: ImageRecord) -> GreyImage | Failure:
        """Decode in the pool; one that broke (its workers were killed from outside) is replaced once."""
        pool = self._pool
        try:
            return await self._schedule(pool, record)
        except RuntimeError:  # also BrokenProcessPool; none comes from decoding, see _attempt
            if self._closed:
                raise
            if self._pool is pool:
                self._pool = self._start()
                await asyncio.to_thread(_stop, pool)
            return await self._schedule(self._pool, record)

    async def _schedule(self, pool: ProcessPool, record: ImageRecord) -> GreyImage | Failure:
        answer = asyncio.wrap_future(pool.schedule(self._task, args=(record,), timeout=SECONDS))
        asked = time.monotonic()
        # A pool that breaks leaves what it had not yet handed to a worker without an answer, and a worker that is
        # killed between taking an image and saying so leaves that one.
        while not (await asyncio.wait({answer}, timeout=_WATCH_SECONDS))[0]:
            if not pool.active or time.monotonic() - max(asked, self._answered) > STALL_SECONDS:
                raise RuntimeError("expected a working pool")
        self._answered = time.monotonic()
        return await answer

    def _start(self) -> ProcessPool:
        return ProcessPool(
            self._workers,
            initializer=lock_down,
            initargs=(self._task,),
            context=FreshContext(),
        )


def _stop(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call]
    pool.join()


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
        return _failure(record, "DECODER_MEMORY", "expected an image that fits into a decoder's memory")
    except BaseException as error:  # noqa: BLE001 - an error that decode does not know is ours, and never a pass
        return _internal(record, "DECODER_ERROR", error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _failure(record: ImageRecord, reason: str, message: str) -> Failure:
    return Failure(record.image_id, Stage.DECODE, "INVALID_ARGUMENT", reason, message)


def _internal(record: ImageRecord, reason: str, error: BaseException) -> Failure:
    message = f"expected an answer of the decoder, got {type(error).__name__}"
    return Failure(record.image_id, Stage.DECODE, "INTERNAL", reason, message)
