"""Decoding in worker processes that can open nothing, and whose death costs one image.

A worker may not open another file or socket (no free descriptor), allocate above its limit, write a file, dump
core or gain privileges. It gets bytes over a pipe that exists already and answers with pixels. This holds crashes,
endless loops, floods of memory and every ordinary bug of a decoder; the pipe carries pickles, so it is no wall
against code that has taken a worker over.
"""

from __future__ import annotations

import asyncio
import functools
import multiprocessing
import signal
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from pebble import ProcessExpired, ProcessPool

from cxrgate.core import Failure, GreyImage, ImageError, ImageRecord, Stage
from cxrgate.images.decode import decode
from cxrgate.images.lockdown import lock_down

SECONDS = 10.0
"""Wall time per image, after which its worker is killed."""

CPU_SECONDS = 5.0
"""Processor time per image, after which its worker is killed; the largest allowed images take below one second."""


class SandboxedDecoder:
    """A pool of decode workers; use as a context manager.

    Example:
        with SandboxedDecoder(workers=2) as decoder:
            images = await decoder.decode(records)
    """

    def __init__(self, workers: int = 1, function: Callable[[ImageRecord], GreyImage] = decode) -> None:
        """Have `workers` processes (spawned, never forked) run `function`; they start with the first image."""
        self._workers = workers
        self._task = functools.partial(_attempt, function)
        self._pool = self._start()
        self._closed = False

    def __enter__(self) -> Self:
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
            return _failure(record, "DECODER_DIED", "expected an image that a decoder survives")
        except Exception as error:  # noqa: BLE001 - the pool's own troubles are ours, and never a pass
            return _internal(record, error)

    async def _run(self, record: ImageRecord) -> GreyImage | Failure:
        """Decode in the pool; a pool that broke (its workers were killed from outside) is replaced once."""
        pool = self._pool
        try:
            return await self._schedule(pool, record)
        except RuntimeError:  # also BrokenProcessPool; none comes from decoding, see _attempt
            if self._closed:
                raise
            if self._pool is pool:
                _stop(pool)
                self._pool = self._start()
            return await self._schedule(self._pool, record)

    async def _schedule(self, pool: ProcessPool, record: ImageRecord) -> GreyImage | Failure:
        return await asyncio.wrap_future(pool.schedule(self._task, args=(record,), timeout=SECONDS))

    def _start(self) -> ProcessPool:
        return ProcessPool(self._workers, initializer=lock_down, context=multiprocessing.get_context("spawn"))


def _stop(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call]
    pool.join()


def _attempt(function: Callable[[ImageRecord], GreyImage], record: ImageRecord) -> GreyImage | Failure:
    """In a worker: decode one image. No exception leaves it, because an odd one could not be pickled."""
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        return function(record)
    except ImageError as error:
        return error.failure(record.image_id, Stage.DECODE)
    except MemoryError:
        return _failure(record, "DECODER_MEMORY", "expected an image that fits into a decoder's memory")
    except Exception as error:  # noqa: BLE001 - an error that decode does not know is ours, and never a pass
        return _internal(record, error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _failure(record: ImageRecord, reason: str, message: str) -> Failure:
    return Failure(record.image_id, Stage.DECODE, "INVALID_ARGUMENT", reason, message)


def _internal(record: ImageRecord, error: Exception) -> Failure:
    message = f"expected an answer of the decoder, got {type(error).__name__}"
    return Failure(record.image_id, Stage.DECODE, "INTERNAL", "DECODER_ERROR", message)
