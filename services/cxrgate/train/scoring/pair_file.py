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
from cxrgate.train.listing import ListedImage

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
        raise UsageError(f"{path} is no file of pairs: {error}") from error
    if not rows:
        raise UsageError(f"{path} is empty: it must list pairs")
    return [_pair(row, f"{path}, line {number}") for number, row in enumerate(rows, 1)]


def _pair(row: Sequence[str], place: str) -> NamedPair:
    if len(row) != 3 or row[2] not in _LABELS or not (row[0] and row[1]):
        raise UsageError(f"{place}: a row holds two images and 1.0 or 0.0, separated by tabs, not {row}")
    if row[0] == row[1]:
        raise UsageError(f"{place}: {row[0]!r} is paired with itself")
    return NamedPair(row[0], row[1], _LABELS[row[2]])


def find_pairs(listed_images: Sequence[ListedImage], pairs: Sequence[NamedPair]) -> Int64s:
    """The rows of each pair among the listed images, int64[p, 2].

    An image is found by its path or, where one image alone has it, by its file name: published files name no folder.

    Raises:
        UsageError: an image that is not there, a pair across two sources (trivially easy), or a pair that
            contradicts the listed_images' patients.
    """
    rows = _rows(listed_images)
    return np.array([_found(pair, listed_images, rows) for pair in pairs], dtype=np.int64).reshape(-1, 2)


def _rows(listed_images: Sequence[ListedImage]) -> dict[str, int]:
    names = [PurePosixPath(listed_image.file.image_id).name for listed_image in listed_images]
    counts = Counter(names)
    once = {name: row for row, name in enumerate(names) if counts[name] == 1}
    return once | {listed_image.file.image_id: row for row, listed_image in enumerate(listed_images)}


def _found(pair: NamedPair, listed_images: Sequence[ListedImage], rows: Mapping[str, int]) -> tuple[int, int]:
    missing = [name for name in (pair.first, pair.second) if name not in rows]
    if missing:
        raise UsageError(f"an image of a pair is not in the listing, or several times: {missing[0]!r}")
    first, second = rows[pair.first], rows[pair.second]
    if listed_images[first].source != listed_images[second].source:
        raise UsageError(f"the images of a pair are of two sources: {pair.first!r} and {pair.second!r}")
    if (listed_images[first].patient_id == listed_images[second].patient_id) is not pair.same:
        said = "one patient" if pair.same else "two patients"
        raise UsageError(f"the pair file says {said}, the listing says otherwise: {pair.first!r}, {pair.second!r}")
    return first, second
