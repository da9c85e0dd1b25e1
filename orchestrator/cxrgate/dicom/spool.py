"""Received images on disk until they are checked: what was acknowledged survives a crash, and is checked once.

FOLDER/waiting/CALLER/DIGEST.dcm    durable before it is acknowledged; DIGEST is of the content
FOLDER/checked/CALLER/DIGEST.dcm    afterwards, where they are kept

A file whose content has another digest than its name is not what was acknowledged: it is not checked, and whoever sends
the object again replaces it.
"""

from __future__ import annotations

import errno
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cxrgate.core import CxrgateError, ImageError, UsageError
from cxrgate.core.digest import bytes_digest
from cxrgate.images.sources.regular import read_regular
from cxrgate.storage import PARTIAL, sync, write_durably

WAITING = "waiting"
"""The folder of the queue, in the spool."""

CALLER = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}")
"""Names of callers are names of folders: AE titles without spaces, the last parts of identities."""

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class SpoolFull(Exception):
    """No room now; the sender should come again."""


class SpoolDamaged(CxrgateError):
    """A file of the spool is not what was acknowledged; sent again, the object takes its place."""

    code = "DATA_LOSS"
    reason = "SPOOL_DAMAGED"


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """When nothing more is taken: images waiting, bytes waiting, and bytes that must stay free on the disk."""

    images: int = 100_000
    size: int = 100 * 2**30
    free: int = 2**30


@dataclass(frozen=True, slots=True)
class SpoolEntry:
    """One image that waits. `name` is the digest of its content, `caller` who sent it."""

    path: Path
    caller: str
    name: str


class Spool:
    """A folder of received images. One process at a time; `put` may be called from many threads."""

    def __init__(self, folder: Path, limits: SpoolLimits | None = None) -> None:
        """Make the folders; files that a crash left half written were never acknowledged and go.

        Raises:
            UsageError: the folder cannot be made.
        """
        self._waiting, self._checked = folder / WAITING, folder / "checked"
        self._limits = limits or SpoolLimits()
        self._lock = threading.Lock()
        try:
            for path in (self._waiting, self._checked):
                path.mkdir(parents=True, exist_ok=True, mode=0o700)
            for leftover in self._waiting.glob(f"*/*{PARTIAL}"):
                leftover.unlink()
        except OSError as error:
            raise UsageError(
                f"images cannot be received in {folder}, {error.strerror}: name a writable folder by --spool"
            ) from error
        self._sizes = {entry.path: entry.path.stat().st_size for entry in self.entries()}
        self._size = sum(self._sizes.values())

    @property
    def waiting(self) -> int:
        """How many images wait, those that are being written among them."""
        return len(self._sizes)

    @staticmethod
    def name_of(content: bytes) -> str:
        """The name that `put` gives this content."""
        return bytes_digest(content)

    def put(self, caller: str, content: bytes) -> str:
        """Keep an image; when this returns it is durable. Gives its name; the same content again is the same image.

        A file of this name that is damaged is replaced.

        Raises:
            SpoolFull: a limit is reached, or the disk is full.
            OSError: the disk failed otherwise; what is on it is unknown.
        """
        name = self.name_of(content)
        folder = self._waiting / caller
        path = folder / f"{name}.dcm"
        if path.exists() and _is_whole(path, name):
            sync(folder)  # whoever wrote it may not have come so far
            return name
        self._check_room(path, len(content))
        self._add(path, len(content))  # first: once it is there it may be checked and leave at any time
        try:
            folder.mkdir(exist_ok=True, mode=0o700)
            write_durably(path, content)
        except OSError as error:
            self._count_again(path)
            if error.errno in _NO_ROOM:
                raise SpoolFull from error
            raise
        return name

    def entries(self) -> list[SpoolEntry]:
        """What waits, in the order of arrival."""
        return [entry for _, entry in sorted(self._scan(), key=lambda pair: pair[0])]

    def remove(self, entry: SpoolEntry, *, keep: bool) -> None:
        """Take a checked image out of the queue, and keep it apart where it is to be kept."""
        self._forget(entry.path)
        if keep:
            target = self._checked / entry.caller
            target.mkdir(exist_ok=True, mode=0o700)
            entry.path.replace(target / entry.path.name)
        else:
            entry.path.unlink()

    def _scan(self) -> Iterator[tuple[tuple[int, str], SpoolEntry]]:
        for path in self._waiting.glob("*/*.dcm"):
            with suppress(FileNotFoundError):  # it has left meanwhile
                yield (path.stat().st_mtime_ns, path.name), SpoolEntry(path, path.parent.name, path.stem)

    def _add(self, path: Path, size: int) -> None:
        """Count an image once, also where the same content came twice at the same time."""
        with self._lock:
            self._size += size - self._sizes.get(path, 0)
            self._sizes[path] = size

    def _forget(self, path: Path) -> None:
        with self._lock:
            self._size -= self._sizes.pop(path, 0)

    def _count_again(self, path: Path) -> None:
        """Count what lies there after a failure: nothing, or the damaged file that was to be replaced."""
        try:
            self._add(path, path.stat().st_size)
        except OSError:
            self._forget(path)

    def _check_room(self, path: Path, size: int) -> None:
        limits = self._limits
        free = shutil.disk_usage(self._waiting).free
        with self._lock:  # what is replaced makes room
            images, taken = len(self._sizes) - (path in self._sizes), self._size - self._sizes.get(path, 0)
        if images >= limits.images or taken + size > limits.size or free - size < limits.free:
            raise SpoolFull


def read_acknowledged(path: Path, name: str) -> bytes:
    """The content of a spool's file, which is what was acknowledged under this name.

    Raises:
        SpoolDamaged: it is something else.
        ImageError: it cannot be read; as read_regular.
    """
    content = read_regular(path)
    if bytes_digest(content) != name:
        raise SpoolDamaged(f"{path} is not what was acknowledged: send the object again, and check the disk")
    return content


def _is_whole(path: Path, name: str) -> bool:
    try:
        read_acknowledged(path, name)
    except (SpoolDamaged, ImageError):
        return False
    return True
