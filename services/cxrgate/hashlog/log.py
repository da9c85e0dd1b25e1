"""A hash-chained log: every check and every reading of evidence, durable before it is answered.

    line = sha256(hash of the line before + content) in hex, a space, content as canonical JSON with its number

A line that is changed, removed or moved breaks the chain at its place. A tail that is cut off does not: so the
head (number and hash of the last line) is written beside the log, and to the service's own log from time to time;
`cxrgate log verify --head` compares with a head that was kept elsewhere. Names in it are the callers'; references
and patients are opaque.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cxrgate.core import CallRefused, UsageError
from cxrgate.core.digest import canonical_json
from cxrgate.hashlog.lines import Head, chain, head_path, verify_log
from cxrgate.hashlog.written import WrittenLines
from cxrgate.storage import FILE_MODE, make_folder

CHECKPOINT = 1000
"""Lines after which the head goes to the service's own log."""

_log = logging.getLogger(__name__)


class HashLog:
    """An open log. Entries that arrive together are brought to the disk together."""

    def __init__(self, path: Path) -> None:
        """Open or create; a last line that a crash tore was never acknowledged and is cut off.

        Raises:
            LogBroken: the chain does not hold elsewhere.
            UsageError: another process writes to it.
        """
        make_folder(path.parent)
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, FILE_MODE)
        _lock(self._file)
        _cut_torn_line(path)
        self.path = path
        # Before the chain is checked: what changes in between is then no line that was written, or breaks the chain.
        self._written = WrittenLines.of(path)
        self.head = verify_log(path)
        self.broken = False
        self._head_file = os.open(head_path(path), os.O_RDWR | os.O_CREAT, FILE_MODE)
        self._write_head(self.head)
        self._end = os.fstat(self._file).st_size
        self._waiting: list[tuple[dict[str, Any], asyncio.Future[int]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def append(self, event: str, **content: Any) -> int:
        """Bring an entry to the disk; when this returns it is durable. Gives its offset, for `read`.

        Raises:
            CallRefused: UNAVAILABLE, the log cannot be written; nothing is answered without it.
        """
        if self.broken:
            raise _unavailable()
        entry = {"event": event, "time": datetime.now(UTC).isoformat(), **content}
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, future))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await asyncio.shield(future)

    def read(self, offset: int) -> dict[str, Any]:
        """The entry that begins there, as it was written.

        Raises:
            CallRefused: DATA_LOSS, the line was changed since; nothing more is written to such a log.
        """
        with self.path.open("rb") as file:
            file.seek(offset)
            line = file.readline()
        if not self._written.has(offset, line):
            self.broken = True
            _log.error("gate.log_changed", {"offset": offset})
            raise CallRefused("DATA_LOSS", "AUDIT", "the log was changed: the operator has to compare it with a copy")
        content: dict[str, Any] = json.loads(line.partition(b" ")[2])
        return content

    async def close(self) -> None:
        """Bring what waits to the disk and close."""
        if self._writer is not None:
            await self._writer
        _log.info("gate.log_closed", {"head": f"{self.head.count}:{self.head.sha256}"})
        os.close(self._file)
        os.close(self._head_file)

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            futures = [future for _, future in batch]
            try:
                offsets = await asyncio.to_thread(self._write_batch, [entry for entry, _ in batch])
            except OSError:
                # What of it reached the disk is unknown: nothing more is written, nothing is acknowledged.
                self.broken = True
                _log.exception("gate.log_failed")
                for future in [*futures, *[future for _, future in self._waiting]]:
                    _settle(future, _unavailable())
                return
            for future, offset in zip(futures, offsets, strict=True):
                _settle(future, offset)

    def _write_batch(self, entries: list[dict[str, Any]]) -> list[int]:
        head, position, offsets, lines = self.head, self._end, [], []
        for entry in entries:
            payload = canonical_json({"number": head.count + 1, **entry})
            head = Head(head.count + 1, chain(head.sha256, payload))
            line = head.sha256.encode() + b" " + payload + b"\n"
            offsets.append(position)
            lines.append(line)
            position += len(line)
        content = b"".join(lines)
        if os.write(self._file, content) != len(content):
            raise OSError("the log's disk took a part of a line")
        os.fsync(self._file)
        self._write_head(head)
        if head.count // CHECKPOINT > self.head.count // CHECKPOINT:
            _log.info("gate.log_checkpointed", {"head": f"{head.count}:{head.sha256}"})
        self.head, self._end = head, position
        for offset, line in zip(offsets, lines, strict=True):
            self._written.add(offset, line)
        return offsets

    def _write_head(self, head: Head) -> None:
        # In place: a head is never shorter than the one before it, and a new file each time costs more than the log.
        os.pwrite(self._head_file, f"{head.count}:{head.sha256}\n".encode(), 0)


def _lock(file: int) -> None:
    """Two writers would break the chain; the lock goes with the process."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError("another process writes this log: stop it first") from error


def _cut_torn_line(path: Path) -> None:
    with path.open("rb+") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)


def _settle(future: asyncio.Future[int], result: int | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)


def _unavailable() -> CallRefused:
    return CallRefused("UNAVAILABLE", "AUDIT", "the log cannot be written: the operator has to look at its disk")
