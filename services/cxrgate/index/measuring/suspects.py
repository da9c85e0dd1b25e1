"""Patients who may be one person under two ids.

Asked as if not enrolled, such a patient finds the other id, and is no patient who is not enrolled: left in the
measurement, they raise every threshold. They are told by how far they stand out from all other patients.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cxrgate.index.false_flag_curve import FalseFlagCurve
from cxrgate.index.measuring.asking import Queries

BY_CHANCE = 0.002
"""Share of distinct patients who stand out as far. A third to a half of the other radiographs of a patient do with a
good model, one in ten with a weak one: what is not found here the shipped curve bounds, see fit.TRUSTED."""
SUSPECTS = "suspects"
"""The array of the part MEASUREMENT that holds opaque keys, two rows per suspected pair; not there without any."""
_LOWER_HALF = (0.1, 0.5)

Float64s = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Suspects:
    """Suspected pairs of patients, by number, and how many are to be expected by chance; no more than those are none.

    `left_out` says for each query, bool[n], whether the measurement does without it.
    """

    pairs: tuple[tuple[int, int], ...] = field(repr=False)
    by_chance: int
    left_out: NDArray[np.bool_] = field(repr=False)

    @classmethod
    def none(cls) -> Suspects:
        """Where nobody was asked."""
        return cls((), 0, np.empty(0, dtype=bool))


def find_suspects(unenrolled: Queries, references: int, curve: FalseFlagCurve | None) -> Suspects:
    """The patients who stand out from all others as one in 500 distinct patients does.

    Those with the smallest margins, as many as are to be expected by chance, stay in the measurement.

    Args:
        unenrolled: patients that were asked as if not enrolled, one query each.
        references: how many there are.
        curve: shipped with the models; without it the bulk of the margins says what is rare.
    """
    margins = unenrolled.margins
    rare = _rare(margins) if curve is None else curve.margin(references, BY_CHANCE)
    found = np.flatnonzero(margins >= rare)
    by_chance = math.ceil(BY_CHANCE * len(margins))
    left_out = np.zeros(len(margins), dtype=bool)
    left_out[found[np.argsort(margins[found], kind="stable")][by_chance:]] = True
    if not left_out.any():
        return Suspects((), by_chance, left_out)
    pairs = {tuple(sorted((int(unenrolled.patients[row]), int(unenrolled.nearest[row])))) for row in found}
    return Suspects(tuple((one, other) for one, other in sorted(pairs)), by_chance, left_out)


def _rare(margins: Float64s) -> float:
    """The margin that BY_CHANCE of distinct patients exceeds, by a Gumbel distribution through their lower half.

    It is the limit for the largest of many (Fisher and Tippett 1928). The lower half is not moved by those who stand
    out, as long as they are fewer than half. On public radiographs this foretells what 5 % exceed to within 0.03.
    """
    low, middle = np.quantile(margins, _LOWER_HALF)
    if middle == low:
        return math.inf
    reduced = [-math.log(-math.log(share)) for share in (*_LOWER_HALF, 1 - BY_CHANCE)]
    scale = (middle - low) / (reduced[1] - reduced[0])
    return float(middle + scale * (reduced[2] - reduced[1]))
