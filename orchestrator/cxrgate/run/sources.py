"""What an image's pixels come from: its file's bytes, and how they are decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

from cxrgate.core import Failure, ImageRecord

_RANGE = "float_range"


@dataclass(frozen=True, slots=True)
class Source:
    """Equal sources give equal pixels under one policy, which says at which side they are judged.

    Attributes:
        digest: sha256 of the very bytes that were decoded; "" where none could be read.
        decoding: what else the pixels depend on, in words; "" as `digest`.
    """

    digest: str = ""
    decoding: str = ""

    @property
    def has_range(self) -> bool:
        """Whether a float_range said what is black and white."""
        return _RANGE in self.decoding


NO_SOURCE = Source()


def sources_of(records: Sequence[ImageRecord | Failure]) -> list[Source]:
    """Of the images as they were read."""
    return [
        Source(hashlib.sha256(record.content).hexdigest(), _decoding(record.value_range))
        if isinstance(record, ImageRecord)
        else NO_SOURCE
        for record in records
    ]


@cache
def _decoding(value_range: tuple[float, float] | None) -> str:
    more = "" if value_range is None else f", {_RANGE} {list(map(float, value_range))}"
    return f"cxrgate {version('cxrgate')}{more}"
