"""The gate itself on held-out patients: enrolment and every stage as in a run of the filter, at the default rule."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from cxrgate.core import Failure, ImageRecord, MediaType, Outcome
from cxrgate.core.ports import Decoder
from cxrgate.core.progress import Progress, silent
from cxrgate.evaluate.division import Division
from cxrgate.gate.config import ModelFolders, RunConfig
from cxrgate.gate.local import LocalModels, local_gate
from cxrgate.gate.ordered import batched
from cxrgate.gate.pipeline import Gate
from cxrgate.index.keys import KEY_BYTES
from cxrgate.planted.copies import RECIPES, CopyRecipe, draw_signs, make_copy
from cxrgate.run.enrol import enrol
from cxrgate.run.reading import read_files
from cxrgate.train import Sample

BATCH = 16


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What the gate said of each image of a division, in order, and of the copies of each enrolled image by recipe."""

    division: Division
    others: Sequence[Outcome] = field(repr=False)
    strangers: Sequence[Outcome] = field(repr=False)
    copies: Mapping[str, Sequence[Outcome]] = field(repr=False)


def run_gate(
    store: Path, models: LocalModels, division: Division, folder: Path, progress: Progress = silent
) -> Outcomes:
    """Enrol, then check.

    Args:
        store: where the models were loaded from.
        models: loaded.
        division: whom to enrol and what to check.
        folder: for the snapshot.
        progress: called with what is being done, how much was done now and of how much.

    Raises:
        SnapshotError: an image could not be enrolled, or there is none.
    """
    config = RunConfig(synthetic=folder, output=folder, snapshot=folder / "snapshot", models=ModelFolders.of(store))
    files = [sample.file for sample in division.enrolled]
    # The key makes ids opaque and nothing else; no figure depends on it.
    key = secrets.token_bytes(KEY_BYTES)
    snapshot = asyncio.run(
        enrol(files, config.snapshot, models, key, progress=lambda done: progress("enrol", done, len(files)))
    )
    with local_gate(config, models, snapshot) as gate:
        return asyncio.run(_check(gate, division, progress))


async def _check(gate: Gate, division: Division, progress: Progress) -> Outcomes:
    async def ask(step: str, images: AsyncIterator[ImageRecord | Failure], total: int) -> list[Outcome]:
        outcomes = []
        async with aclosing(gate.check(images, BATCH)) as answers:
            async for checked in answers:
                outcomes.append(checked.outcome)
                progress(step, 1, total)
        return outcomes

    others = await ask("check other images", _read(division.others), len(division.others))
    strangers = await ask("check strangers", _read(division.strangers), len(division.strangers))
    copies = {}
    for recipe in RECIPES:
        stream = _copies(gate.decoder, division.enrolled, recipe)
        copies[recipe.name] = await ask(f"check {recipe.name}", stream, len(division.enrolled))
    return Outcomes(division, others, strangers, copies)


def _read(samples: Sequence[Sample]) -> AsyncIterator[ImageRecord | Failure]:
    return read_files([sample.file for sample in samples])


async def _copies(
    decoder: Decoder, samples: Sequence[Sample], recipe: CopyRecipe
) -> AsyncIterator[ImageRecord | Failure]:
    """A copy of each image, made of its decoded pixels; the signs go by the images' order."""
    signs = iter(draw_signs(len(samples)))
    async for batch in batched(_read(samples), BATCH):
        images = iter(await decoder.decode([record for record in batch if isinstance(record, ImageRecord)]))
        for record in batch:
            drawn, image = next(signs), record if isinstance(record, Failure) else next(images)
            if isinstance(image, Failure):
                yield image
            else:
                content = await asyncio.to_thread(make_copy, image.pixels, recipe, drawn)
                yield ImageRecord(image.image_id, content, declared=MediaType.JPEG)
