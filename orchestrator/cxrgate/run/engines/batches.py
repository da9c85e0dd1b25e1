"""What every engine runs: batches of files through a gate, their released images staged.

A batch depends on its files alone. Done twice, or by two workers at once, it comes to the same bytes under the same
names, so that one whose answer was lost is simply done again.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxrgate.core import Failure, GreyImage
from cxrgate.gate.ordered import ordered_map
from cxrgate.gate.pipeline import WINDOW, Checked, Gate
from cxrgate.images import ImageFile
from cxrgate.run.engines.writers import Writers
from cxrgate.run.host_fault import host_faults
from cxrgate.run.reading import each, read_batch
from cxrgate.run.rows import evidence_rows, result_row

AT_ONCE = WINDOW + 2
"""Batches in flight: as many as keep every stage of a gate busy, one that is read and one that is written."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Files that are checked together, and under which name each is released if it may be."""

    number: int
    files: Sequence[ImageFile]
    names: Sequence[str]


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
        part = await gate.check_batch(await read_batch(batch.files))
        content = await gate.stopwatch.time("write", len(part), _write(writers, staged, batch, part))
        return CheckedBatch(batch.number, len(part), content, tuple(host_faults(item.outcome for item in part)))

    async with aclosing(ordered_map(check, each(batches), AT_ONCE)) as stream:
        async for checked in stream:
            yield checked


async def _write(writers: Writers, staged: Path, batch: Batch, part: Sequence[Checked]) -> dict[str, Any]:
    """Stage what may be released of one batch, and give its journal line."""
    rows, released = [], []
    for file, name, checked in zip(batch.files, batch.names, part, strict=True):
        row = result_row(checked, file.label, name)
        if row["image_id"] != file.image_id:
            raise RuntimeError("expected outcomes in the order of the images")
        if row["released_as"] and isinstance(checked.image, GreyImage):
            released.append((row["released_as"], checked.image.pixels))
        rows.append(row)
    digests = await writers.stage(staged, released)
    files = {name: sha256 for (name, _), sha256 in zip(released, digests, strict=True)}
    return {"results": rows, "evidence": [r for c in part for r in evidence_rows(c)], "released": files}
