"""Identity as the index grows, for a set of models: embedded, measured, extrapolated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cxrgate.core.progress import Progress
from cxrgate.gate.local import LocalModels
from cxrgate.growth.embedding import embed_everything
from cxrgate.growth.extrapolation import Extrapolation, extrapolate
from cxrgate.growth.measure import STANDARD, Drawing, GrowthRow, measure_growth
from cxrgate.train import ListedImage


@dataclass(frozen=True, slots=True)
class Growth:
    """What was measured, and what it says of larger sizes."""

    rows: Sequence[GrowthRow] = field(default=(), repr=False)
    extrapolated: Sequence[Extrapolation] = field(default=(), repr=False)


def measure_models(
    models: LocalModels,
    unseen: Sequence[ListedImage],
    fillers: Sequence[ListedImage],
    sources: Sequence[str],
    work: Path,
    progress: Progress,
    drawing: Drawing = STANDARD,
) -> Growth:
    """Measure the models on all images of a listing.

    Args:
        models: loaded.
        unseen: images of patients that no model saw: who is asked about, and their references.
        fillers: images of other patients: they fill larger galleries.
        sources: see measure_growth.
        work: a folder for the snapshot.
        progress: called with what is being done, how much was done now and of how much.
        drawing: which galleries.

    Raises:
        SnapshotError: an image cannot be enrolled.
    """
    everything = embed_everything([*unseen, *fillers], len(unseen), models, work, progress)
    rows = measure_growth(everything, models.terms, sources, progress, drawing)
    return Growth(rows, extrapolate(rows))
