"""The files of a released set in little memory."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import UsageError

_DIGEST_BYTES = 32
_TOGETHER = 4096
"""Files that are packed together."""


class ReleasedFiles(Mapping[str, str]):
    """{name: sha256 in hex}, sorted by name: some fifty bytes a file, and its name."""

    def __init__(self, files: Iterable[tuple[str, str]]) -> None:
        """Take names and digests in any order; of one name the last digest counts.

        Raises:
            UsageError: what should be a digest is none, or a name cannot be written.
        """
        parts = [_packed([])]
        waiting: list[tuple[str, str]] = []
        for file in files:
            waiting.append(file)
            if len(waiting) == _TOGETHER:
                parts.append(_packed(waiting))
                waiting = []
        names, digests = map(np.concatenate, zip(*parts, _packed(waiting), strict=True))
        order = np.argsort(names, kind="stable")
        names = names[order]
        last = np.append(names[1:] != names[:-1], True)[: len(names)]
        self._names, self._digests = names[last], digests[order][last]

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return map(str, self._names)

    def __getitem__(self, name: str) -> str:
        if not isinstance(name, str):
            raise KeyError(name)
        place = bisect_left(self._names, name)
        if place == len(self) or self._names[place] != name:
            raise KeyError(name)
        digest: bytes = self._digests[place].tobytes()
        return digest.hex()


def _packed(files: list[tuple[str, str]]) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Names, and digests uint8[n, 32]."""
    try:
        digests = [bytes.fromhex(digest) for _, digest in files]
        names = np.array([name for name, _ in files], np.dtypes.StringDType())
    except (TypeError, ValueError) as error:
        raise UsageError("the released files: a name or a digest in their manifest or journal is damaged") from error
    if any(len(digest) != _DIGEST_BYTES for digest in digests):
        raise UsageError("the released files: a digest in their manifest or journal has another length than sha256")
    return names, np.frombuffer(b"".join(digests), np.uint8).reshape(-1, _DIGEST_BYTES)
