"""The files of a released set in little memory."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice, pairwise
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
        names = [np.array([], np.dtypes.StringDType())]
        self._digests: list[NDArray[np.uint8]] = []
        each = iter(files)
        while together := list(islice(each, _TOGETHER)):
            some_names, some_digests = _packed(together)
            names.append(some_names)
            self._digests.append(some_digests)
        self._names = np.concatenate(names)
        del names
        order = np.argsort(self._names, kind="stable").astype(np.uint32)
        changes = (self._names[one] != self._names[other] for one, other in pairwise(order))
        self._order = order[np.fromiter(chain(changes, [True]), bool)[: len(order)]]

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[str]:
        return (str(self._names[place]) for place in self._order)

    def __getitem__(self, name: str) -> str:
        if not isinstance(name, str):
            raise KeyError(name)
        at = bisect_left(self._order, name, key=self._names.__getitem__)
        if at == len(self) or self._names[self._order[at]] != name:
            raise KeyError(name)
        return self._digest(self._order[at])

    def _digest(self, place: int) -> str:
        part, row = divmod(int(place), _TOGETHER)
        digest: bytes = self._digests[part][row].tobytes()
        return digest.hex()


def _packed(files: list[tuple[str, str]]) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Names, and digests uint8[n, 32]."""
    try:
        digests = [bytes.fromhex(digest) for _, digest in files]
        names = np.array([name for name, _ in files], np.dtypes.StringDType())
    except (TypeError, ValueError) as error:
        raise UsageError(
            "a name or a digest of a released file is damaged in manifest or journal: restore them"
        ) from error
    if any(len(digest) != _DIGEST_BYTES for digest in digests):
        raise UsageError(
            "a digest of a released file has another length than sha256 in manifest or journal: restore them"
        )
    return names, np.frombuffer(b"".join(digests), np.uint8).reshape(-1, _DIGEST_BYTES)
