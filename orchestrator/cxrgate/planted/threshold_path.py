"""The one path along which all thresholds move together.

Every FINENESS steps the path flags one more of the patients who are not enrolled by the same-patient score, and one
more by the similarity of each cosine space: each question may raise the same number of false flags. In between
thresholds fall evenly. Step 0 flags nobody but the very image, and what lies within the band of it. What one step
catches every later one does.

The path depends on those patients alone, none of whom takes part in anything that is measured along it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxrgate.core import Decision
from cxrgate.core.spaces import CHOSEN, HELD_AGAINST, THRESHOLDS
from cxrgate.planted.missed import erred

HIGHEST = 1.0
FINENESS = 16
"""Steps from patient to patient: similarities of neighbouring patients may lie far apart, with many leaks between."""


@dataclass(frozen=True, slots=True, eq=False)
class ThresholdPath:
    """Thresholds by step, float64[m] that never rise, by name as in core.spaces.CHOSEN.

    A threshold that the gate does not have is not there. `band` is the gate's: how far below a threshold counts as
    reaching it, see core.policy.Policy.
    """

    thresholds: Mapping[str, NDArray[np.float64]] = field(repr=False)
    band: float

    @classmethod
    def of(cls, unenrolled: pd.DataFrame, band: float, names: Collection[str] = THRESHOLDS) -> ThresholdPath:
        """The path of patients who are not enrolled, one case each; cases without an answer add no step.

        `names` are those of the thresholds that the gate has.
        """
        answered = unenrolled[~(erred(unenrolled) | unenrolled["failed"].to_numpy(bool))]
        falling = {name: _falling(answered[HELD_AGAINST[name]]) for name in names}
        kept = np.all([values > 0 for values in falling.values()], axis=0)
        return cls({name: values[kept] for name, values in falling.items()}, band)

    @classmethod
    def at_one(cls, thresholds: Mapping[str, float | None], band: float) -> ThresholdPath:
        """The one step of thresholds that were chosen before; None and other names are passed over."""
        named = {name: thresholds.get(name) for name in CHOSEN}
        return cls({name: np.array([value]) for name, value in named.items() if value is not None}, band)

    def __len__(self) -> int:
        """The number of steps."""
        return min(len(values) for values in self.thresholds.values())

    def at(self, step: int) -> dict[str, float]:
        """The thresholds at a step."""
        return {name: float(values[step]) for name, values in self.thresholds.items()}

    def levels(self, cases: pd.DataFrame) -> NDArray[np.int64]:
        """The first step at which each case is not released, int64[n]; the number of steps where there is none.

        Args:
            cases: decided by the highest thresholds.

        What is no release at the highest thresholds (a match, an image that is no such radiograph or that the gate
        refuses) is none at lower ones. What ended in an error has no such step: another time it may be released.
        """
        firsts = np.min(
            [
                _first(values - self.band, cases[HELD_AGAINST[name]].to_numpy(np.float64))
                for name, values in self.thresholds.items()
            ],
            axis=0,
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
