"""One decode worker: a process, and a socket between it and its parent that nobody else has.

A worker that shares nothing can only lose what it was given, and its socket ends with it: its death is noticed at once,
whatever it was at. Neither side has threads for this. Where memory runs out, such threads end unnoticed, or are waited
for without end while they start.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection

from cxrgate.core import Failure, GreyImage, ImageRecord
from cxrgate.images.sandbox.interpreter import FreshContext
from cxrgate.images.sandbox.lockdown import lock_down
from cxrgate.images.sandbox.segment import Answer, Segment, WritableSegment

Task = Callable[[ImageRecord], GreyImage | Failure]

SECONDS = 60.0
"""Wall time for what a worker is given at a time, after which it is killed; on a busy machine the limit of processor
time must come first."""

STALL_SECONDS = 180.0
"""A worker that has not started and taken what it was given for so long is broken."""

_EXIT_SECONDS = 2.0
"""From the end of a worker's socket to its own."""

_LENGTH = struct.Struct("!i")
"""What multiprocessing's connections, one of which the worker has, put before each message."""


class WorkerLostError(Exception):
    """The worker is gone, and had not begun with what it was given: another worker may be asked."""


class WorkerDiedError(Exception):
    """The worker died at what it was given; `exitcode` as of multiprocessing, None where it only fell silent."""

    def __init__(self, exitcode: int | None) -> None:
        super().__init__(f"a decode worker ended with {exitcode}")
        self.exitcode = exitcode


class Worker:
    """A process that decodes one group of images at a time; `lost` where it is of no use any more."""

    def __init__(self, task: Task, niceness: int = 0) -> None:
        """It runs `task`, and starts with `start` or with its first image; nice processes let others go first."""
        self._segment, self._socket, theirs = Segment(), *socket.socketpair()
        self._socket.settimeout(0)
        self._theirs = Connection(theirs.detach())
        self._process = FreshContext().Process(
            target=_serve, args=(task, self._segment, self._theirs, niceness), daemon=True
        )
        self._is_ready = self._is_stopped = self._is_asked = False
        self.lost = False

    @property
    def pid(self) -> int | None:
        """Of the process; None before it was started."""
        return self._process.pid

    def start(self) -> None:
        """Start the process, which loads what it needs beside whatever comes next."""
        if self.pid is None and not self._is_stopped:
            self._process.start()
            self._theirs.close()

    async def decode(self, records: Sequence[ImageRecord]) -> list[GreyImage | Failure]:
        """Decode images one after another.

        Raises:
            TimeoutError: they took SECONDS.
            WorkerDiedError: the worker died at them.
            WorkerLostError: the worker died before it began, or does not take them at all.
            ValueError: the worker could not give its answer.
        """
        # Also where this ends between a question and its answer, which would be taken for that of the next one.
        self.lost = self._is_asked = True
        try:
            answer = await self._answer(records)
            self.lost = False
        finally:
            self._is_asked = False
            if self._is_stopped:
                self._socket.close()
        if not answer:
            raise ValueError("expected an answer of the worker")
        # The worker gets nothing else before this is done: until then the pixels are those of these images.
        return [self._segment.take(item) for item in pickle.loads(answer)]  # noqa: S301 - see decoder's own words

    async def _answer(self, records: Sequence[ImageRecord]) -> bytearray:
        try:
            async with asyncio.timeout(STALL_SECONDS):
                self.start()
                if not self._is_ready:
                    await self._receive()
                    self._is_ready = True
                await self._send(records)
        except (OSError, EOFError, TimeoutError) as error:
            raise WorkerLostError from error
        try:
            async with asyncio.timeout(SECONDS):
                return await self._receive()
        except (ConnectionError, EOFError) as error:
            await asyncio.to_thread(self._process.join, _EXIT_SECONDS)
            raise WorkerDiedError(self._process.exitcode) from error

    async def _send(self, records: Sequence[ImageRecord]) -> None:
        """Without a copy of the images' bytes, which pickle hands on as they are."""
        loop, pieces = asyncio.get_running_loop(), _Pieces()
        pickle.Pickler(pieces, pickle.HIGHEST_PROTOCOL).dump(records)
        for piece in (_LENGTH.pack(sum(map(len, pieces))), *pieces):
            await loop.sock_sendall(self._socket, piece)

    async def _receive(self) -> bytearray:
        (length,) = _LENGTH.unpack(await self._exactly(_LENGTH.size))
        return await self._exactly(length)

    async def _exactly(self, count: int) -> bytearray:
        loop, found = asyncio.get_running_loop(), bytearray(count)
        left = memoryview(found)
        while left:
            read = await loop.sock_recv_into(self._socket, left)
            if not read:
                raise EOFError
            left = left[read:]
        return found

    def stop(self) -> None:
        """End the process; what it was doing is lost."""
        self._is_stopped = True
        if self.pid is not None:
            self._process.kill()
            self._process.join()
        self._theirs.close()
        if not self._is_asked:  # else who waits for the answer learns of the end by the socket
            self._socket.close()


class _Pieces(list[bytes]):
    """What a pickler writes."""

    write = list[bytes].append


def _serve(task: Task, segment: WritableSegment, parent: Connection, niceness: int) -> None:
    """In a worker: say that it is ready, then answer until the parent is gone; of an error nothing, b""."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(niceness)
    lock_down(task)
    with suppress(EOFError, OSError):
        parent.send_bytes(b"")
        while True:
            records = parent.recv()
            parent.send_bytes(_decoded(task, segment, records))


def _decoded(task: Task, segment: WritableSegment, records: Sequence[ImageRecord]) -> bytes:
    """Decode images, and lay their pixels where the parent finds them."""
    try:
        answers: list[Answer] = segment.put(task(record) for record in records)
        return pickle.dumps(answers, pickle.HIGHEST_PROTOCOL)
    except Exception:  # noqa: BLE001 - no error of decoding, see decoder._attempt
        return b""
