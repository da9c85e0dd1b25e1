"""What every engine runs: batches of files through a gate, their released images staged.

A batch depends on its files alone. Done twice, or by two workers at once, it comes to the same bytes under the same
names, so that one whose answer was lost is simply done again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxrgate.core import Failure, GreyImage
from cxrgate.core.made_sequence import MadeSequence
from cxrgate.gate.ordered import ordered_map
from cxrgate.gate.pipeline import WINDOW, Checked, Gate
from cxrgate.images import ImageFile
from cxrgate.run.engines.writers import Writers
from cxrgate.run.host_fault import host_faults
from cxrgate.run.reading import each, read_batch
from cxrgate.run.rows import evidence_rows, result_row
from cxrgate.run.sources import Source, sources_of

AT_ONCE = WINDOW + 2
"""Batches in flight: as many as keep every stage of a gate busy, one that is read and one that is written."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Files that are checked together, and under which name each is released if it may be."""

    number: int
    files: Sequence[ImageFile]
    names: Sequence[str]


class Batches(MadeSequence[Batch]):
    """A set's files in batches, each made when it is asked for."""

    def __init__(self, files: Sequence[ImageFile], names: Sequence[str], size: int) -> None:
        """Take files and the names of the released ones in their order, and the most images of a batch."""
        self._files, self._names, self._size = files, names, size
        self._numbers: Sequence[int] = range(-(-len(files) // size))

    def without(self, done: Collection[int]) -> Batches:
        """Those whose numbers are not among `done`."""
        left = Batches(self._files, self._names, self._size)
        left._numbers = [number for number in self._numbers if number not in done]
        return left

    @property
    def images(self) -> int:
        """How many images they have."""
        return sum(min(self._size, len(self._files) - number * self._size) for number in self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def make(self, place: int) -> Batch:
        """See MadeSequence."""
        number = self._numbers[place]
        part = slice(number * self._size, (number + 1) * self._size)
        return Batch(number, self._files[part], self._names[part])


@dataclass(frozen=True, slots=True)
class CheckedBatch:
    """What came of a batch: its line in the journal, and the host's faults among the outcomes."""

    number: int
    images: int
    content: dict[str, Any]
    faults: tuple[Failure, ...]


async def check_batches(
    gate: Gate, writers: Writers, batches: Sequence[Batch], staged: Path
) -> AsyncGenerator[CheckedBatch]:
    """Read, check and stage batches, side by side; the answers come in the batches' order.

    Raises:
        CxrgateError: see Gate.check_batch.
        OSError: a file cannot be staged.
    """

    async def check(batch: Batch) -> CheckedBatch:
        records = await read_batch(batch.files)
        hashing = asyncio.to_thread(sources_of, records)  # beside the models
        part, sources = await asyncio.gather(gate.check_batch(records), hashing)
        content = await gate.stopwatch.time("write", len(part), _write(writers, staged, batch, part, sources))
        return CheckedBatch(batch.number, len(part), content, tuple(host_faults(item.outcome for item in part)))

    async with aclosing(ordered_map(check, each(batches), AT_ONCE)) as stream:
        async for checked in stream:
            yield checked


async def _write(
    writers: Writers, staged: Path, batch: Batch, part: Sequence[Checked], sources: Sequence[Source]
) -> dict[str, Any]:
    """Stage what may be released of one batch, and give its journal line."""
    rows, released = [], []
    for file, name, checked, source in zip(batch.files, batch.names, part, sources, strict=True):
        row = result_row(checked, file.label, name, source)
        if row["image_id"] != file.image_id:
            raise RuntimeError("expected outcomes in the order of the images")
        if row["released_as"] and isinstance(checked.image, GreyImage):
            released.append((row["released_as"], checked.image.pixels))
        rows.append(row)
    digests = await writers.stage(staged, released)
    files = {name: sha256 for (name, _), sha256 in zip(released, digests, strict=True)}
    return {"results": rows, "evidence": [r for c in part for r in evidence_rows(c)], "released": files}
