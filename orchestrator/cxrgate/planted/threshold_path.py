"""The one path along which both thresholds move together.

Every FINENESS steps the path flags one more of the patients who are not enrolled by the same-patient score, and one
more by the copy similarity: both questions may raise the same number of false flags. In between thresholds fall evenly.
Step 0 flags nobody but the very image, and what lies within the band of it. What one step catches every later one does.

The path depends on those patients alone, none of whom takes part in anything that is measured along it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxrgate.core import Decision
from cxrgate.planted.missed import erred

HIGHEST = 1.0
FINENESS = 16
"""Steps from patient to patient: similarities of neighbouring patients may lie far apart, with many leaks between."""


@dataclass(frozen=True, slots=True, eq=False)
class ThresholdPath:
    """Thresholds by step, float64[m] that never rise; `similarities` is infinite without the copy space.

    `band` is the gate's: how far below a threshold counts as reaching it, see core.policy.Policy.
    """

    scores: NDArray[np.float64] = field(repr=False)
    similarities: NDArray[np.float64] = field(repr=False)
    band: float

    @classmethod
    def of(cls, clean: pd.DataFrame, band: float, *, copy_space: bool) -> ThresholdPath:
        """The path of patients who are not enrolled, one case each; cases without an answer add no step."""
        answered = clean[~(erred(clean) | clean["failed"].to_numpy(bool))]
        scores, similarities = (_falling(answered[name]) for name in ("score", "similarity"))
        if not copy_space:
            similarities = np.full(len(scores), np.inf)
        kept = (scores > 0) & (similarities > 0)
        return cls(scores[kept], similarities[kept], band)

    def __len__(self) -> int:
        """The number of steps."""
        return len(self.scores)

    def levels(self, cases: pd.DataFrame) -> NDArray[np.int64]:
        """The first step at which each case is not released, int64[n]; the number of steps where there is none.

        Args:
            cases: decided by the highest thresholds.

        What is no release at the highest thresholds (a match, an image that is no such radiograph or that the gate
        refuses) is none at lower ones. What ended in an error has no such step: another time it may be released.
        """
        firsts = np.minimum(
            _first(self.scores - self.band, cases["score"].to_numpy(np.float64)),
            _first(self.similarities - self.band, cases["similarity"].to_numpy(np.float64)),
        )
        released = (cases["decision"] == Decision.ANONYMOUS).to_numpy(bool)
        return np.where(erred(cases), len(self), np.where(released, firsts, 0))


def _falling(values: pd.Series) -> NDArray[np.float64]:
    """HIGHEST and then the values, largest first and none above HIGHEST, with FINENESS steps from each to the next."""
    falling = np.concatenate([[HIGHEST], np.sort(values.to_numpy(np.float64))[::-1]])
    steps = np.arange(len(values) * FINENESS + 1) / FINENESS
    return np.asarray(np.interp(steps, np.arange(len(falling)), np.minimum(HIGHEST, falling)), dtype=np.float64)


def _first(least: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """The first step whose least value to be flagged each value reaches, as core.policy does it; NaN reaches none."""
    firsts = np.searchsorted(-least, -values, side="left")
    return np.where(np.isnan(values), len(least), firsts).astype(np.int64)
