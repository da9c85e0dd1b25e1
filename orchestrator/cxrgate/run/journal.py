"""An append-only journal of finished batches: what makes a run resumable after kill -9.

Each line is the first 16 hex digits of its content's sha256, a space, and JSON. The first line says what run this
is; a run of other images, models, snapshot, policy or batch size never continues it. A torn last line is cut off.

Under a storage key each line is sealed instead, bound to its number, and NAME.wrapped beside it holds the data key. A
line that was changed, removed from the middle or moved is then refused; only the last one may be torn.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cxrgate.core import StorageCorrupt, UsageError
from cxrgate.core.digest import bytes_digest, canonical_json
from cxrgate.storage import WRAPPED, SealedLines, create_data_key, open_data_key

_DIGITS = 16


class JournalMismatch(UsageError):
    """The journal that is there is another run's, or is sealed where this one is not, or the other way round."""


class Journal:
    """An open journal: `batches` maps a batch's number to its content."""

    def __init__(self, path: Path, run: Mapping[str, Any], storage_key: bytes | None = None) -> None:
        """Open or create the journal of the run that `run` describes, sealed where a storage key is given.

        Raises:
            JournalMismatch: the journal is another run's, or it is sealed and no key is given, or the other way round.
            UsageError: another process writes it now.
            StorageError: it is sealed with another key, or was changed (StorageCorrupt).
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(path)
        try:
            self._open(path, run, storage_key)
        except BaseException:
            os.close(self._lock)
            raise

    def _open(self, path: Path, run: Mapping[str, Any], storage_key: bytes | None) -> None:
        self._seal = _sealing(path, storage_key)
        lines, length = _read(path) if self._seal is None else _read_sealed(path, self._seal)
        if lines and lines[0] != dict(run):
            changed = sorted(key for key in run if lines[0].get(key) != run[key])
            raise JournalMismatch(
                f"{path} belongs to another run ({', '.join(changed)} differ): choose another output, or remove it"
            )
        self.batches: dict[int, dict[str, Any]] = {line["batch"]: line for line in lines[1:]}
        self._count = len(lines)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.ftruncate(self._file, length)
        if not lines:
            self._write(run)

    def append(self, number: int, content: Mapping[str, Any]) -> None:
        """Bring one batch to the disk; when this returns it is durable."""
        line = {"batch": number, **content}
        self._write(line)
        self.batches[number] = line

    def close(self) -> None:
        """Close the file and let others write it."""
        os.close(self._file)
        os.close(self._lock)

    def _write(self, content: Mapping[str, Any]) -> None:
        payload = canonical_json(content)
        line = _checked(payload) if self._seal is None else self._seal.seal(self._count, payload)
        line += b"\n"
        if os.write(self._file, line) != len(line):
            raise OSError("expected the journal's disk to take a whole line")
        os.fsync(self._file)
        self._count += 1


def _lock(path: Path) -> int:
    """Keep other runs out of this output; the lock goes with the process, however it ends."""
    lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise UsageError(
            f"another run writes into {path.parent.parent}: wait for its end, or choose another output"
        ) from error
    return lock


def _sealing(path: Path, storage_key: bytes | None) -> SealedLines | None:
    wrapped = path.with_name(path.name + WRAPPED)
    if path.exists() and wrapped.exists() != (storage_key is not None):
        asked = "no storage key" if storage_key is None else "a storage key"
        raise JournalMismatch(f"the journal {path} does not go with {asked}: choose another output, or remove it")
    if storage_key is None:
        return None
    if not path.exists():
        wrapped.unlink(missing_ok=True)
        return SealedLines(create_data_key(wrapped, storage_key))
    return SealedLines(open_data_key(wrapped, storage_key))


def _checked(payload: bytes) -> bytes:
    return bytes_digest(payload)[:_DIGITS].encode() + b" " + payload


def _read_sealed(path: Path, sealing: SealedLines) -> tuple[list[dict[str, Any]], int]:
    """As `_read`; StorageCorrupt for a line that is not the last and cannot be opened."""
    content = path.read_bytes() if path.exists() else b""
    raw = content.splitlines(keepends=True)
    payloads = [sealing.open(number, line.rstrip(b"\n")) for number, line in enumerate(raw)]
    whole = [payload for payload in payloads[:-1] if payload is not None]
    if len(whole) < len(payloads[:-1]):
        raise StorageCorrupt(f"{path}: a sealed line was changed: choose another output, or remove it")
    last = payloads[-1] if raw and raw[-1].endswith(b"\n") else None
    if last is not None:
        whole.append(last)
    return [json.loads(payload) for payload in whole], sum(map(len, raw[: len(whole)]))


def _read(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The whole lines from the start, and how many bytes they take."""
    content = path.read_bytes() if path.exists() else b""
    lines, position = [], 0
    for line in content.splitlines(keepends=True):
        digest, _, payload = line.rstrip(b"\n").partition(b" ")
        if not line.endswith(b"\n") or bytes_digest(payload)[:_DIGITS].encode() != digest:
            break
        lines.append(json.loads(payload))
        position += len(line)
    return lines, position
