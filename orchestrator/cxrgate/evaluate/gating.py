"""The gate itself on held-out patients: enrolment and every stage as in a run of the filter, at the default rule."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxrgate.core.progress import Progress, silent
from cxrgate.evaluate.division import Division
from cxrgate.gate.config import PolicyConfig
from cxrgate.gate.local import LocalModels
from cxrgate.index.keys import KEY_BYTES
from cxrgate.planted.cases import CaseKind, PlantedCase
from cxrgate.planted.copies import RECIPES, CopyRecipe, draw_signs, make_copy
from cxrgate.planted.harness import EnrolledSet, Harness
from cxrgate.planted.origins import LeakOrigin, siblings, unenrolled_cases


@dataclass(frozen=True, slots=True, eq=False)
class GateAnswers:
    """What the gate said of the images of a division, in order, and of the copies of each enrolled image by recipe.

    Tables as cases.check_cases gives them.
    """

    division: Division
    others: pd.DataFrame = field(repr=False)
    unenrolled: pd.DataFrame = field(repr=False)
    copies: Mapping[str, pd.DataFrame] = field(repr=False)


def ask_gate(
    store: Path, models: LocalModels, division: Division, folder: Path, progress: Progress = silent
) -> GateAnswers:
    """Enrol, then ask.

    Args:
        store: where the models were loaded from.
        models: loaded.
        division: whom to enrol and what to check.
        folder: for the snapshot.
        progress: called with what is being done, how much was done now and of how much.

    Raises:
        SnapshotError: an image could not be enrolled, or there is none.
        UsageError: an image cannot be read.
    """
    key = secrets.token_bytes(KEY_BYTES)
    enrolled = EnrolledSet.enrol(division.enrolled, models, store, folder, key, progress, PolicyConfig())
    with enrolled.open(progress) as harness:
        return asyncio.run(_ask(harness, division))


async def _ask(harness: Harness, division: Division) -> GateAnswers:
    others, unenrolled = division.others, division.unenrolled
    return GateAnswers(
        division,
        await harness.ask("check other images", siblings(others, harness.key), len(others)),
        await harness.ask("check unenrolled patients", unenrolled_cases(unenrolled, harness.key), len(unenrolled)),
        {recipe.name: await _ask_about_copies(harness, division, recipe) for recipe in RECIPES},
    )


async def _ask_about_copies(harness: Harness, division: Division, recipe: CopyRecipe) -> pd.DataFrame:
    """A copy of each enrolled image, made of its decoded pixels; the signs go by the images' order."""
    samples = division.enrolled
    make = partial(_copies, recipe=recipe, signs=iter(draw_signs(len(samples))))
    tables = await harness.ask_of_origins(f"check {recipe.name}", samples, make, len(samples))
    return pd.concat(tables, ignore_index=True)


def _copies(
    origins: Sequence[LeakOrigin], recipe: CopyRecipe, signs: Iterator[NDArray[np.int64]]
) -> Iterator[PlantedCase]:
    for origin in origins:
        content = make_copy(origin.pixels, recipe, next(signs))
        yield PlantedCase(content, CaseKind.LEAK, origin.patient, recipe.name, f"{recipe.side} px")
