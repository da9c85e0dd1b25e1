"""Notices a caller that asks about the same picture again and again: how a template is reconstructed from verdicts.

An attack needs hundreds to thousands of near-equal images (128 to 2,048 by simulation); a generator's samples are no
near duplicates of one another. What is noticed is recorded and alarmed, not refused: a refusal would be one more
answer to learn from. An image without descriptors is not compared: it got no verdict.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

REMEMBERED = 1024
"""Images per identity that a new one is compared with."""

IDENTITIES = 256

SIMILARITY = 0.97
"""Cosine of copy descriptors from which two images are near duplicates: re-encodings and rescalings stay above it."""

ALARM = 50
"""Near duplicates among the remembered images from which there is an alarm."""


class NearDuplicates:
    """Remembers the copy descriptors of each identity's last images."""

    def __init__(self, remembered: int = REMEMBERED, alarm: int = ALARM) -> None:
        """Alarm at `alarm` near duplicates among the last `remembered` images of one identity."""
        self._remembered, self._alarm = remembered, alarm
        self._seen: OrderedDict[str, _Ring] = OrderedDict()

    def notice(self, identity: str, descriptor: NDArray[np.float32]) -> bool:
        """Remember an image's weight-free copy descriptor, float32[d]; True when it is one too many of its kind."""
        return self._ring(identity, len(descriptor)).add(descriptor) >= self._alarm

    def _ring(self, identity: str, dimensions: int) -> _Ring:
        if identity not in self._seen:
            self._seen[identity] = _Ring(self._remembered, dimensions)
        self._seen.move_to_end(identity)
        if len(self._seen) > IDENTITIES:
            self._seen.popitem(last=False)
        return self._seen[identity]


class _Ring:
    """The last descriptors, float32[n, d]."""

    def __init__(self, size: int, dimensions: int) -> None:
        self._rows = np.zeros((size, dimensions), np.float32)
        self._next = 0

    def add(self, descriptor: NDArray[np.float32]) -> int:
        """Keep one; give how many of the others are near it."""
        near = int((self._rows @ descriptor >= SIMILARITY).sum())
        self._rows[self._next % len(self._rows)] = descriptor
        self._next += 1
        return near
