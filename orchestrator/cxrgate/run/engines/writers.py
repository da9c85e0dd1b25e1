"""Processes that encode and stage released images, beside the one that has models and index.

They get pixels that were checked, through memory that only this process writes into, and give the sha256 of each file.
Nothing hostile reaches them: what they encode is this process's own copy of what a decoder gave. One that dies costs
no image, for its images are written here; what it left half written is written anew, and a set is published only where
every file is the one that the journal names.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import mmap
import os
import signal
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.reduction import DupFd
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.allocator import PIXELS, keep_freed_memory
from cxrgate.core.threads import started_pool
from cxrgate.images.codec.encode import encode_png
from cxrgate.images.codec.limits import MAXIMUM_PIXELS
from cxrgate.images.sandbox.interpreter import FreshContext
from cxrgate.images.sandbox.segment import Inherited
from cxrgate.run.release import stage

Image = tuple[str, NDArray[np.uint8]]
"""The name of a file to be released, and its pixels uint8[height, width]."""

ROOM = MAXIMUM_PIXELS
"""Bytes of the memory through which one is given pixels: the largest image, or a batch of usual ones."""

_PR_SET_PDEATHSIG = 1


class Writers:
    """A set of writers; use as a context manager."""

    def __init__(self, count: int) -> None:
        """They start on entering the context, and load what they need beside whatever comes next."""
        self._writers = [_Writer() for _ in range(count)]
        self._idle: SimpleQueue[_Writer] = SimpleQueue()

    def __enter__(self) -> Self:
        self._threads = started_pool(len(self._writers), "write")
        for writer in self._writers:
            writer.start()
            self._idle.put(writer)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._threads.shutdown(cancel_futures=True)
        for writer in self._writers:
            writer.stop()

    async def stage(self, folder: Path, images: Sequence[Image]) -> list[str]:
        """Stage the images of a batch, and give the sha256 of each file; OSError where one cannot be written."""
        if not images:
            return []
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._stage, folder, images)

    def _stage(self, folder: Path, images: Sequence[Image]) -> list[str]:
        writer = self._idle.get()
        try:
            return [sha256 for group in _groups(images) for sha256 in writer.stage(folder, group)]
        finally:
            self._idle.put(writer)


class _Writer:
    """One process, and the memory through which it is given pixels."""

    def __init__(self) -> None:
        self._room = _Room()

    def start(self) -> None:
        context = FreshContext()
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_write, args=(theirs, self._room, os.getpid()), daemon=True)
        with theirs:
            self._process.start()

    def stop(self) -> None:
        self._connection.close()
        if self._process.pid is not None:
            self._process.join()

    def stage(self, folder: Path, images: Sequence[Image]) -> list[str]:
        """See Writers.stage; the images fit into the room."""
        try:
            self._connection.send((folder, self._room.put(images)))
            answer: list[str] | OSError = self._connection.recv()
        except (EOFError, OSError):  # it is gone; what it says of its own errors is an answer
            self.stop()
            logging.getLogger(__name__).warning("run.writer_lost exit=%s", self._process.exitcode)
            with suppress(OSError):  # no room for another one now: the next images find none either, and so on
                self.start()
            return stage_images(folder, images)
        if isinstance(answer, OSError):
            raise answer
        return answer


class _Room:
    """Memory that a writer sees. What is put there replaces what was there before."""

    def __init__(self) -> None:
        self._descriptor = os.memfd_create("cxrgate-released", os.MFD_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor)
        os.ftruncate(self._descriptor, ROOM)
        self._memory = np.frombuffer(mmap.mmap(self._descriptor, ROOM), np.uint8)

    def __reduce__(self) -> tuple[Callable[[Inherited, int], NDArray[np.uint8]], tuple[Inherited, int]]:
        """As it reaches the process that is started."""
        return _open_room, (DupFd(self._descriptor), len(self._memory))

    def put(self, images: Sequence[Image]) -> list[tuple[str, int, int]]:
        """Lay pixels one behind the other; gives name, height and width of each."""
        end = 0
        for _, pixels in images:
            self._memory[end : end + pixels.size].reshape(pixels.shape)[:] = pixels
            end += pixels.size
        return [(name, *pixels.shape) for name, pixels in images]


def _groups(images: Sequence[Image]) -> Iterator[list[Image]]:
    """As many at a time as fit into the room."""
    group: list[Image] = []
    size = 0
    for image in images:
        if group and size + image[1].size > ROOM:
            yield group
            group, size = [], 0
        group.append(image)
        size += image[1].size
    yield group


def stage_images(folder: Path, images: Sequence[Image]) -> list[str]:
    """What a writer does: stage images, and give the sha256 of each file; OSError where one cannot be written."""
    return [stage(folder, name, encode_png(pixels)) for name, pixels in images]


def _open_room(inherited: Inherited, size: int) -> NDArray[np.uint8]:
    """In a writer: what it is given, to be read alone."""
    descriptor = inherited.detach()
    memory = np.frombuffer(mmap.mmap(descriptor, size, prot=mmap.PROT_READ), np.uint8)
    os.close(descriptor)
    return memory


def _placed(memory: NDArray[np.uint8], places: Sequence[tuple[str, int, int]]) -> Iterator[Image]:
    end = 0
    for name, height, width in places:
        yield name, memory[end : end + height * width].reshape(height, width)
        end += height * width


def _write(connection: Connection, memory: NDArray[np.uint8], parent: int) -> None:
    """What a writer does until its parent closes the connection or is gone: then it writes no other file."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches it too, and the parent ends it when it is done
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    keep_freed_memory(PIXELS)
    while os.getppid() == parent:
        try:
            folder, places = connection.recv()
        except EOFError:
            return
        try:
            answer: list[str] | OSError = stage_images(folder, list(_placed(memory, places)))
        except OSError as error:
            answer = error
        connection.send(answer)
