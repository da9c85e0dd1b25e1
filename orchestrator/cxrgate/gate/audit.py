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
import hashlib
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cxrgate.core import UsageError
from cxrgate.core.digest import canonical_json
from cxrgate.rpc.errors import CallRefused

START = "0" * 64
CHECKPOINT = 1000
"""Lines after which the head goes to the service's own log."""

_log = logging.getLogger(__name__)


class LogBroken(UsageError):
    """A log whose chain does not hold. `number` is the first line that does not fit."""

    def __init__(self, path: Path, number: int) -> None:
        super().__init__(f"expected an unbroken chain in {path}, line {number} does not fit")
        self.number = number


@dataclass(frozen=True, slots=True)
class Head:
    """The last line: how many lines there are, and its hash."""

    count: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line that fits the chain: where it begins in the file, its content, and the head that it makes."""

    offset: int
    content: dict[str, Any]
    head: Head


def read_lines(path: Path, *, growing: bool = False) -> Iterator[Line]:
    """Every line in order.

    Args:
        path: the log.
        growing: another process may be appending; a last line without its end is not there yet.

    Raises:
        LogBroken: at the first line that does not fit, a torn last one among them.
    """
    head, offset = Head(0, START), 0
    with path.open("rb") as file:
        for raw in file:
            if growing and not raw.endswith(b"\n"):
                return
            sha256, _, payload = raw.rstrip(b"\n").partition(b" ")
            expected = _chain(head.sha256, payload)
            if sha256.decode(errors="replace") != expected or not raw.endswith(b"\n"):
                raise LogBroken(path, head.count + 1)
            head = Head(head.count + 1, expected)
            yield Line(offset, json.loads(payload), head)
            offset += len(raw)


def verify_log(path: Path, kept: Head | None = None) -> Head:
    """Check the chain and that it contains the head beside it and `kept`; give the last head.

    Raises:
        LogBroken: a line does not fit, or lines of a known head are missing.
        UsageError: there is no log.
    """
    if not path.is_file():
        raise UsageError(f"expected a log, got {path}")
    heads = {0: START} | {line.head.count: line.head.sha256 for line in read_lines(path)}
    for head in (read_head(path), kept):
        if head is not None and heads.get(head.count) != head.sha256:
            raise LogBroken(path, min(head.count, len(heads)))
    last = len(heads) - 1
    return Head(last, heads[last])


def read_head(path: Path) -> Head | None:
    """The head beside a log."""
    beside = _beside(path)
    return parse_head(beside.read_text()) if beside.exists() else None


def parse_head(text: str) -> Head:
    """A head as `COUNT:SHA256`; UsageError for anything else."""
    count, _, sha256 = text.strip().partition(":")
    if not count.isdecimal() or len(sha256) != len(START):
        raise UsageError("expected a head COUNT:SHA256")
    return Head(int(count), sha256)


class AuditLog:
    """An open log. Entries that arrive together are brought to the disk together."""

    def __init__(self, path: Path) -> None:
        """Open or create; a last line that a crash tore was never acknowledged and is cut off.

        Raises:
            LogBroken: the chain does not hold elsewhere.
            UsageError: another process writes to it.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        _lock(self._file)
        _cut_torn_line(path)
        self.path = path
        self.head = verify_log(path)
        self.broken = False
        self._head_file = os.open(_beside(path), os.O_RDWR | os.O_CREAT, 0o600)
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
        """The entry that begins there."""
        with self.path.open("rb") as file:
            file.seek(offset)
            payload = file.readline().partition(b" ")[2]
        content: dict[str, Any] = json.loads(payload)
        return content

    async def close(self) -> None:
        """Bring what waits to the disk and close."""
        if self._writer is not None:
            await self._writer
        _log.info("gate.log_closed head=%d:%s", self.head.count, self.head.sha256)
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
            head = Head(head.count + 1, _chain(head.sha256, payload))
            line = head.sha256.encode() + b" " + payload + b"\n"
            offsets.append(position)
            lines.append(line)
            position += len(line)
        content = b"".join(lines)
        if os.write(self._file, content) != len(content):
            raise OSError("expected the log's disk to take whole lines")
        os.fsync(self._file)
        self._write_head(head)
        if head.count // CHECKPOINT > self.head.count // CHECKPOINT:
            _log.info("gate.log_checkpointed head=%d:%s", head.count, head.sha256)
        self.head, self._end = head, position
        return offsets

    def _write_head(self, head: Head) -> None:
        # In place: a head is never shorter than the one before it, and a new file each time costs more than the log.
        os.pwrite(self._head_file, f"{head.count}:{head.sha256}\n".encode(), 0)


def _chain(previous: str, payload: bytes) -> str:
    return hashlib.sha256(previous.encode() + payload).hexdigest()


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".head")


def _lock(file: int) -> None:
    """Two writers would break the chain; the lock goes with the process."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError("expected to be the log's only writer; stop the service that writes it first") from error


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
    return CallRefused("UNAVAILABLE", "AUDIT", "expected a log that takes this call")
