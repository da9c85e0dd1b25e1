"""Lines of a journal: how one is written, how the whole ones are found again, and a mapping that reads them anew.

A plain line is the first 16 hex digits of its content's sha256, a space, and JSON. A sealed one is bound to its number.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cxrgate.core import StorageCorrupt
from cxrgate.core.digest import bytes_digest

_DIGITS = 16


class LineFormat(Protocol):
    """How the content of a line is written and read."""

    def seal(self, number: int, payload: bytes, /) -> bytes:
        """The line of that number, without its end."""
        ...

    def open(self, number: int, line: bytes, /) -> bytes | None:
        """The payload; None unless it was written whole as the line of that number."""
        ...


class PlainLines:
    """A digest before each line tells whether it is whole."""

    def seal(self, _number: int, payload: bytes) -> bytes:
        """See LineFormat."""
        return bytes_digest(payload)[:_DIGITS].encode() + b" " + payload

    def open(self, _number: int, line: bytes) -> bytes | None:
        """See LineFormat."""
        digest, _, payload = line.partition(b" ")
        return payload if bytes_digest(payload)[:_DIGITS].encode() == digest else None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line lies: its number from 0, and its bytes in the file, its end included."""

    number: int
    offset: int
    length: int


def whole_lines(path: Path, lines: LineFormat, *, strict: bool) -> Iterator[tuple[Place, bytes]]:
    """The whole lines from the start, with their payloads; nothing where there is no file.

    Raises:
        StorageCorrupt: `strict`, and a line that is not the last cannot be opened: it was changed, removed or moved.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        offset = 0
        for number, line in enumerate(file):
            payload = lines.open(number, line[:-1]) if line.endswith(b"\n") else None
            if payload is None:
                if strict and file.read(1):
                    raise StorageCorrupt(f"{path}: a sealed line was changed: choose another output, or remove it")
                return
            yield Place(number, offset, len(line)), payload
            offset += len(line)


class WrittenBatches(Mapping[int, dict[str, Any]]):
    """The batches of a journal by number: read from the disk when they are asked for, so that memory holds none."""

    def __init__(self, path: Path, lines: LineFormat) -> None:
        self._path, self._lines = path, lines
        self._places: dict[int, Place] = {}

    def add(self, number: int, place: Place) -> None:
        """Note where the line of a batch lies; a later one counts."""
        self._places[number] = place

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, number: object) -> bool:
        return number in self._places

    def __getitem__(self, number: int) -> dict[str, Any]:
        """StorageCorrupt where the line is no longer what it was."""
        place = self._places[number]
        with self._path.open("rb") as file:
            line = os.pread(file.fileno(), place.length, place.offset)
        payload = self._lines.open(place.number, line[:-1])
        if payload is None:
            raise StorageCorrupt(f"{self._path}: line {place.number + 1} was changed while it was in use: run again")
        content: dict[str, Any] = json.loads(payload)
        return content
