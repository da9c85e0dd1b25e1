"""Whether a gate says the same of the same image: in another order, in another batch, after a change nobody sees.

Koeken et al. (arXiv 2510.01793) ask three things of a filter; sensitivity and specificity are the other two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import ndimage

from cxrgate.core import Decision
from cxrgate.images import encode_png
from cxrgate.trust.audit_figures import Share
from cxrgate.trust.canaries import Canary
from cxrgate.trust.cases import Case, Kind
from cxrgate.trust.leak import Pixels
from cxrgate.trust.leaks_encoding import jpeg

QUALITY = 95


@dataclass(frozen=True, slots=True)
class Agreement:
    """The share of images with one decision in both tables, and the largest differences of their numbers."""

    share: Share
    score: float
    similarity: float


def agreement(first: pd.DataFrame, second: pd.DataFrame) -> Agreement:
    """Compare two tables of cases of the same images in the same order: released by both, or by none.

    Another seed of the models, another batch size and another order give such tables.

    Raises:
        ValueError: the tables are not of the same patients.
    """
    if first["patient"].tolist() != second["patient"].tolist():
        raise ValueError("expected the same patients in the same order in both tables")
    released = [(table["decision"] == Decision.ANONYMOUS).to_numpy(bool) for table in (first, second)]
    differences = {name: _largest(first[name], second[name]) for name in ("score", "similarity")}
    return Agreement(Share.of(pd.Series(released[0] == released[1])), **differences)


def _largest(first: pd.Series, second: pd.Series) -> float:
    """The largest difference of two numbers that both are there; 0 without any."""
    differences = np.abs(first.to_numpy(np.float64) - second.to_numpy(np.float64))
    return float(np.max(differences, initial=0, where=np.isfinite(differences)))


def repeated(canaries: Sequence[Canary]) -> Iterator[Case]:
    """The images, as they are."""
    for canary in canaries:
        yield Case(encode_png(canary.pixels), Kind.CLEAN, canary.patient)


def unnoticed(canaries: Sequence[Canary]) -> Mapping[str, Iterator[Case]]:
    """The images after each change that leaves the same picture to an eye."""
    return {
        f"jpeg {QUALITY}": (Case(jpeg(QUALITY)(canary.pixels), Kind.CLEAN, canary.patient) for canary in canaries),
        "moved by a pixel": (
            Case(encode_png(_moved(canary.pixels)), Kind.CLEAN, canary.patient) for canary in canaries
        ),
        "a grey level brighter": (
            Case(encode_png(np.minimum(canary.pixels, 254) + np.uint8(1)), Kind.CLEAN, canary.patient)
            for canary in canaries
        ),
    }


def _moved(pixels: Pixels) -> Pixels:
    return np.asarray(ndimage.shift(pixels, (0, 1), order=0, mode="nearest"), dtype=np.uint8)
