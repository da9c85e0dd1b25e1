"""Files of image pairs, as Packhäuser et al. (Sci Rep 12:14851, 2022) published them for ChestX-ray14 and others."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import UsageError
from cxrgate.train.listing import Sample

Int64s = NDArray[np.int64]

_LABELS = {"1.0": True, "0.0": False}


@dataclass(frozen=True, slots=True)
class NamedPair:
    """Two images by name, and whether they show one patient."""

    first: str
    second: str
    same: bool


def read_pairs(path: Path) -> list[NamedPair]:
    """A pair file: per line two images and 1.0 (one patient) or 0.0 (two), separated by tabs.

    Raises:
        UsageError: no such file, no line, or a line that is not a pair.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"expected a file of pairs, {path}: {error}") from error
    if not rows:
        raise UsageError(f"{path}: expected pairs, the file is empty")
    return [_pair(row, f"{path}, line {number}") for number, row in enumerate(rows, 1)]


def _pair(row: Sequence[str], place: str) -> NamedPair:
    if len(row) != 3 or row[2] not in _LABELS or not (row[0] and row[1]):
        raise UsageError(f"{place}: expected two images and 1.0 or 0.0 separated by tabs, got {row}")
    if row[0] == row[1]:
        raise UsageError(f"{place}: expected two different images, got {row[0]!r} twice")
    return NamedPair(row[0], row[1], _LABELS[row[2]])


def find_pairs(samples: Sequence[Sample], pairs: Sequence[NamedPair]) -> Int64s:
    """The rows of each pair among the samples, int64[p, 2].

    An image is found by its path or, where one sample has it, by its file name: the published files name no folder.

    Raises:
        UsageError: an image that is not there, a pair across two sources (trivially easy), or a pair that
            contradicts the samples' patients.
    """
    rows = _rows(samples)
    return np.array([_found(pair, samples, rows) for pair in pairs], dtype=np.int64).reshape(-1, 2)


def _rows(samples: Sequence[Sample]) -> dict[str, int]:
    names = [PurePosixPath(sample.file.image_id).name for sample in samples]
    counts = Counter(names)
    once = {name: row for row, name in enumerate(names) if counts[name] == 1}
    return once | {sample.file.image_id: row for row, sample in enumerate(samples)}


def _found(pair: NamedPair, samples: Sequence[Sample], rows: Mapping[str, int]) -> tuple[int, int]:
    missing = [name for name in (pair.first, pair.second) if name not in rows]
    if missing:
        raise UsageError(f"expected the images of every pair once in the listing, got none or several: {missing[0]!r}")
    first, second = rows[pair.first], rows[pair.second]
    if samples[first].source != samples[second].source:
        raise UsageError(f"expected both images of a pair to be of one source: {pair.first!r} and {pair.second!r}")
    if (samples[first].patient_id == samples[second].patient_id) is not pair.same:
        said = "one patient" if pair.same else "two patients"
        raise UsageError(
            f"expected {said} by the pair file, the listing says otherwise: {pair.first!r}, {pair.second!r}"
        )
    return first, second
