"""An append-only journal of finished batches: what makes a run resumable after kill -9.

See `lines` for the format. The first line says what run this is; a run of other images, models, snapshot, policy or
batch size never continues it. A torn last line is cut off.

Under a storage key each line is sealed instead, bound to its number, and NAME.wrapped beside it holds the data key. A
line that was changed, removed from the middle or moved is then refused; only the last one may be torn.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cxrgate.core import StorageCorrupt, UsageError
from cxrgate.core.digest import canonical_json
from cxrgate.core.json_text import parse_line
from cxrgate.run.lines import LineFormat, Place, PlainLines, WrittenBatches, whole_lines
from cxrgate.storage import FILE_MODE, WRAPPED, SealedLines, create_data_key, make_folder, open_data_key

_DIFFERENT = {
    "batch_size": "another batch_size",
    "certification": "another mode of certification, under which its images were checked",
    "columns": "other columns in its tables",
    "cxrgate": "another version of cxrgate",
    "encoder": "another encoder of what is released",
    "engine": "another search engine",
    "float_range": "another float_range",
    "images": "other images, or some that were changed since",
    "policy": "another policy, which covers thresholds, models and enrolled references",
}
"""What a run that is another one in this had; what is not here goes by its own name."""


Fits = Callable[[Mapping[str, Any]], bool]


class JournalMismatch(UsageError):
    """The journal that is there is another run's, or is sealed where this one is not, or the other way round."""


class Journal:
    """An open journal: `batches` maps a batch's number to its content, read from the disk each time."""

    def __init__(
        self, path: Path, run: Mapping[str, Any], storage_key: bytes | None = None, fits: Fits | None = None
    ) -> None:
        """Open or create the journal of the run that `run` describes, sealed where a storage key is given.

        Args:
            path: of the file.
            run: what the first line says.
            storage_key: see above.
            fits: whether a line holds what a batch of this journal does; None looks at its number alone.

        Raises:
            JournalMismatch: the journal is another run's, or it is sealed and no key is given, or the other way round.
            UsageError: another process writes it now.
            StorageError: it is sealed with another key, or was changed, or a line is none of a batch (StorageCorrupt).
        """
        make_folder(path.parent)
        self._path, self._lock, self._fits = path, _lock(path), fits
        try:
            self._open(path, run, storage_key)
        except BaseException:
            os.close(self._lock)
            raise

    def _open(self, path: Path, run: Mapping[str, Any], storage_key: bytes | None) -> None:
        self._lines: LineFormat = _sealing(path, storage_key) or PlainLines()
        self.batches = WrittenBatches(path, self._lines)
        self._count = self._length = 0
        for place, payload in whole_lines(path, self._lines, strict=storage_key is not None):
            content = _content(path, payload, place)
            if self._count:
                if self._fits is not None and not self._fits(content):
                    raise _no_line(path, place)
                self.batches.add(content["batch"], place)
            elif content != dict(run):
                raise JournalMismatch(
                    f"{path} belongs to another run, which had {_differences(content, run)}: choose another output, or "
                    "remove it"
                )
            self._count, self._length = self._count + 1, place.offset + place.length
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE_MODE)
        os.ftruncate(self._file, self._length)
        if not self._count:
            self._write([run])

    def append(self, number: int, content: Mapping[str, Any]) -> None:
        """Bring one batch to the disk; when this returns it is durable."""
        self._write([{"batch": number, **content}])

    def append_all(self, contents: Mapping[int, Mapping[str, Any]]) -> None:
        """Bring batches to the disk together; when this returns they are durable.

        A crash leaves the first ones of them, as whole lines. In a sealed journal only the last line may be torn, or a
        torn one could not be told from one that somebody changed: there each has its own fsync.
        """
        lines = [{"batch": number, **content} for number, content in contents.items()]
        for group in [lines] if isinstance(self._lines, PlainLines) else [[line] for line in lines]:
            self._write(group)

    def close(self) -> None:
        """Close the file and let others write it."""
        os.close(self._file)
        os.close(self._lock)

    def _write(self, contents: Sequence[Mapping[str, Any]]) -> None:
        places, written = [], []
        for content in contents:
            line = self._lines.seal(self._count, canonical_json(content)) + b"\n"
            places.append(Place(self._count, self._length, len(line)))
            written.append(line)
            self._count, self._length = self._count + 1, self._length + len(line)
        whole = b"".join(written)
        if os.write(self._file, whole) != len(whole):
            raise OSError(errno.ENOSPC, "the disk took a part of a line alone", str(self._path))
        os.fsync(self._file)
        for content, place in zip(contents, places, strict=True):
            if place.number:  # the first line describes the run, and may have a key `batch` of its own
                self.batches.add(content["batch"], place)


def _differences(content: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    """What a journal's own run had otherwise, in words."""
    changed = sorted(key for key in {*content, *run} if content.get(key) != run.get(key))
    return "; ".join(_DIFFERENT.get(key, f"another {key}") for key in changed)


def _content(path: Path, payload: bytes, place: Place) -> dict[str, Any]:
    """What a line says; StorageCorrupt where it is none of a journal, though its digest is right."""
    try:
        content = parse_line(payload)
    except ValueError as error:
        raise _no_line(path, place) from error
    if place.number and type(content.get("batch")) is not int:
        raise _no_line(path, place)
    return content


def _no_line(path: Path, place: Place) -> StorageCorrupt:
    return StorageCorrupt(f"{path}: line {place.number + 1} is none of a journal: choose another output, or remove it")


def _lock(path: Path) -> int:
    """Keep other runs out of this output; the lock goes with the process, however it ends."""
    lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, FILE_MODE)
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
