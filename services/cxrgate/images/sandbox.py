"""Decoding in worker processes that can open nothing, and whose death costs one image.

A worker may not open another file or socket (no free descriptor), allocate above its limit, write a file, dump
core or gain privileges. It gets bytes over a pipe that exists already and answers with pixels.
"""

from __future__ import annotations

import asyncio
import ctypes
import multiprocessing
import os
import resource
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from types import TracebackType
from typing import Self

from pebble import ProcessExpired, ProcessPool

from cxrgate.core import Failure, GreyImage, ImageError, ImageRecord, Stage
from cxrgate.images.decode import decode

MEMORY_BYTES = 3 * 2**29
"""Address space above what the libraries take: 1.5 GiB."""

SECONDS = 10.0
"""Wall time per image, after which its worker is killed."""

_PR_SET_NO_NEW_PRIVS = 38


class SandboxedDecoder:
    """A pool of decode workers; use as a context manager."""

    def __init__(self, workers: int = 1, function: Callable[[ImageRecord], GreyImage] = decode) -> None:
        """Start `workers` processes (spawned, never forked) that run `function`."""
        self._function = function
        self._pool = ProcessPool(
            max_workers=workers, context=multiprocessing.get_context("spawn"), initializer=_lock_down
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers; what they were doing is lost."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()

    async def decode(self, records: Sequence[ImageRecord]) -> list[GreyImage | Failure]:
        """See core.ports.Decoder."""
        return list(await asyncio.gather(*[self._decode(record) for record in records]))

    async def _decode(self, record: ImageRecord) -> GreyImage | Failure:
        try:
            future = self._pool.schedule(self._function, args=(record,), timeout=SECONDS)
            return await asyncio.wrap_future(future)
        except ImageError as error:
            return error.failure(record.image_id, Stage.DECODE)
        except TimeoutError:
            return _failure(record, "DECODER_TIMEOUT", f"expected to be decoded within {SECONDS:g} seconds")
        except (ProcessExpired, MemoryError):
            return _failure(record, "DECODER_DIED", "expected an image that a decoder survives")
        except (CancelledError, asyncio.CancelledError):
            raise
        except Exception:  # noqa: BLE001 - an error that decode does not know is ours, and never a pass
            return Failure(record.image_id, Stage.DECODE, "INTERNAL", "DECODER_ERROR", "expected to be decoded")


def _failure(record: ImageRecord, reason: str, message: str) -> Failure:
    return Failure(record.image_id, Stage.DECODE, "INVALID_ARGUMENT", reason, message)


def _lock_down() -> None:
    """Load what decoding needs, then give up everything else."""
    from PIL import Image  # noqa: PLC0415 - the plugins are files, and none can be opened later

    Image.init()
    _warm_up()
    used = _address_space()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, used + MEMORY_BYTES))
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(limit, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # Open descriptors stay usable, a new one would get the lowest free number, which is not allowed.
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, lowest))


def _warm_up() -> None:
    """Decode one image of each kind, so that every lazily imported module is in memory."""
    from cxrgate.images.samples import samples  # noqa: PLC0415 - built in the worker only

    for content in samples():
        decode(ImageRecord("sample", content))


def _address_space() -> int:
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[0]) * resource.getpagesize()
