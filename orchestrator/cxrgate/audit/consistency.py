"""Whether a gate says the same of the same image: in another order, in another batch, after a change nobody sees.

Koeken et al. (arXiv 2510.01793) ask three things of a filter; sensitivity and specificity are the other two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

from cxrgate.core import Decision
from cxrgate.core.spaces import SIMILARITIES
from cxrgate.images.codec.encode import encode_png
from cxrgate.planted.cases import CaseKind, PlantedCase
from cxrgate.planted.classes.encoding import jpeg
from cxrgate.planted.figures import Share
from cxrgate.planted.leak import Pixels
from cxrgate.planted.origins import LeakOrigin

QUALITY = 95


@dataclass(frozen=True, slots=True)
class Agreement:
    """The share of images with one decision in both tables, and the largest differences of their numbers."""

    share: Share
    score: float
    similarities: Mapping[str, float]
    """By name of the column."""

    def to_json(self) -> dict[str, Any]:
        """For audit.json."""
        return {"share": asdict(self.share), "score": self.score, **self.similarities}


def agreement(first: pd.DataFrame, second: pd.DataFrame) -> Agreement:
    """Compare two tables of cases of the same images in the same order: released by both, or by none.

    Another seed of the models, another batch size and another order give such tables.

    Raises:
        ValueError: the tables are not of the same patients.
    """
    if first["patient"].tolist() != second["patient"].tolist():
        raise ValueError("expected the same patients in the same order in both tables")
    released = [(table["decision"] == Decision.ANONYMOUS).to_numpy(bool) for table in (first, second)]
    differences = {name: _largest(first[name], second[name]) for name in ("score", *SIMILARITIES)}
    return Agreement(Share.of(pd.Series(released[0] == released[1])), differences.pop("score"), differences)


def _largest(first: pd.Series, second: pd.Series) -> float:
    """The largest difference of two numbers that both are there; 0 without any."""
    differences = np.abs(first.to_numpy(np.float64) - second.to_numpy(np.float64))
    return float(np.max(differences, initial=0, where=np.isfinite(differences)))


def repeated(origins: Sequence[LeakOrigin]) -> Iterator[PlantedCase]:
    """The images, as they are."""
    for origin in origins:
        yield PlantedCase(encode_png(origin.pixels), CaseKind.UNENROLLED, origin.patient)


def unnoticed(origins: Sequence[LeakOrigin]) -> Mapping[str, Iterator[PlantedCase]]:
    """The images after each change that leaves the same picture to an eye."""
    return {
        f"jpeg {QUALITY}": (
            PlantedCase(jpeg(QUALITY)(origin.pixels), CaseKind.UNENROLLED, origin.patient) for origin in origins
        ),
        "moved by a pixel": (
            PlantedCase(encode_png(_moved(origin.pixels)), CaseKind.UNENROLLED, origin.patient) for origin in origins
        ),
        "a grey level brighter": (
            PlantedCase(encode_png(np.minimum(origin.pixels, 254) + np.uint8(1)), CaseKind.UNENROLLED, origin.patient)
            for origin in origins
        ),
    }


def _moved(pixels: Pixels) -> Pixels:
    return np.asarray(ndimage.shift(pixels, (0, 1), order=0, mode="nearest"), dtype=np.uint8)
