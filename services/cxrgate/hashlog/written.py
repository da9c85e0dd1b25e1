"""What the lines of an open log were when they were written: a line that was changed since is no evidence."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from pathlib import Path

_BYTES = 16


class WrittenLines:
    """A digest of each line, by where it begins: 24 bytes for each, as there are millions in time."""

    def __init__(self) -> None:
        """Of no line yet."""
        self._offsets, self._digests = array("Q"), bytearray()

    @classmethod
    def of(cls, path: Path) -> WrittenLines:
        """Of a log as it is; whether its chain holds is to be checked afterwards."""
        lines, offset = cls(), 0
        with path.open("rb") as file:
            for line in file:
                lines.add(offset, line)
                offset += len(line)
        return lines

    def add(self, offset: int, line: bytes) -> None:
        """Remember a line that begins behind all others."""
        self._digests += _digest(line)
        self._offsets.append(offset)

    def has(self, offset: int, line: bytes) -> bool:
        """Whether this line was written there."""
        place = bisect_left(self._offsets, offset)
        if place == len(self._offsets) or self._offsets[place] != offset:
            return False
        return self._digests[place * _BYTES : (place + 1) * _BYTES] == _digest(line)


def _digest(line: bytes) -> bytes:
    return hashlib.sha256(line).digest()[:_BYTES]
