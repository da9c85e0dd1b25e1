"""anonymization-pipeline's two CSV files, quoted as CSV must be."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrgate.compat.private import private_file
from cxrgate.core import UsageError
from cxrgate.images.sources.tables import read_table

NEAREST = ("synthetic_image", "real_image", "distance", "rank")
SCORES = ("synthetic_image", "real_image", "score")


@dataclass(frozen=True, slots=True)
class Nearest:
    """A real image among a synthetic one's nearest; distance is Euclidean, rank 0 is the nearest."""

    synthetic_image: str
    real_image: str
    distance: float
    rank: int


@dataclass(frozen=True, slots=True)
class Score:
    """The same-patient score of a synthetic image and its nearest real one, in [0, 1]; NaN where there is none."""

    synthetic_image: str
    real_image: str
    score: float


def write_nearest(path: Path, rows: Sequence[Nearest]) -> None:
    """Write nearest_images.csv."""
    _write(path, NEAREST, ((row.synthetic_image, row.real_image, row.distance, row.rank) for row in rows))


def read_nearest(path: Path) -> list[Nearest]:
    """The rows of rank 0; errors as images.read_table, and UsageError where a number is none."""
    try:
        rows = [(row, int(row["rank"]), float(row["distance"])) for row in read_table(path, NEAREST)]
    except ValueError as error:
        raise UsageError(f"{path}: a distance or a rank is no number. Run `cxrgate search` again") from error
    return [Nearest(row["synthetic_image"], row["real_image"], far, rank) for row, rank, far in rows if rank == 0]


def write_scores(path: Path, rows: Sequence[Score]) -> None:
    """Write verification_results.csv."""
    _write(path, SCORES, ((row.synthetic_image, row.real_image, row.score) for row in rows))


def read_scores(path: Path) -> dict[str, Score]:
    """Per synthetic image its score; what is no number becomes NaN, which releases nothing.

    Raises:
        UsageError: see images.read_table; an image that comes twice.
    """
    rows = [Score(row["synthetic_image"], row["real_image"], _number(row["score"])) for row in read_table(path, SCORES)]
    scores = {row.synthetic_image: row for row in rows}
    if len(scores) != len(rows):
        raise UsageError(f"{path} lists a synthetic image twice: run `cxrgate verify` again")
    return scores


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with private_file(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        csv.writer(text, lineterminator="\n").writerows([header, *rows])
        text.detach()
