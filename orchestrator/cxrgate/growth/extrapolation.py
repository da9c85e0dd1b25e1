"""From the sizes that can be measured to those that users have."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from cxrgate.growth.galleries import Protocol
from cxrgate.growth.measure import RATES, GrowthRow
from cxrgate.train.scoring.figures import Figure

FAR = (10_000, 100_000)
"""References that the curve is extrapolated to."""


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """What a rate would recognise against the numbers of FAR, and how well the fit foretold the largest measured size.

    The largest of N similarities tends to a Gumbel distribution whose location grows with log N (Fisher and Tippett
    1928), and so do the threshold and what a genuine image has beyond its cohort: the probit of the share recognised is
    taken to be linear in log N.
    """

    protocol: Protocol
    rate: float
    shares: Mapping[int, Figure]
    largest: int
    measured: float
    foretold: float


def extrapolate(rows: Sequence[GrowthRow]) -> list[Extrapolation]:
    """For all sources together; nothing where fewer than three sizes were measured."""
    found = []
    for protocol in (Protocol.ONE_REFERENCE, Protocol.ALL_BUT_QUERY):
        chosen = [row for row in rows if (row.source, row.protocol) == ("all", protocol) and row.queries]
        if len(chosen) > 2:
            found += [_extrapolated(chosen, protocol, rate) for rate in RATES]
    return found


def _extrapolated(rows: Sequence[GrowthRow], protocol: Protocol, rate: float) -> Extrapolation:
    sizes = np.log([row.references for row in rows])
    shares = np.array([row.recognised[rate].value for row in rows])
    # Half the interval's width in probits: what the shares themselves are uncertain by, nearly the same at all sizes.
    low, high = (_probit(np.array([getattr(row.recognised[rate], end) for row in rows])) for end in ("low", "high"))
    error = float(np.mean(high - low) / 2)
    line = np.polyfit(sizes, _probit(shares), 1)
    foretold = float(np.polyval(np.polyfit(sizes[:-1], _probit(shares[:-1]), 1), sizes[-1]))
    far = {size: float(np.polyval(line, math.log(size))) for size in FAR}
    figures = {size: Figure(*(float(norm.cdf(at + by)) for by in (0, -error, error))) for size, at in far.items()}
    return Extrapolation(protocol, rate, figures, rows[-1].references, float(shares[-1]), float(norm.cdf(foretold)))


def _probit(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(norm.ppf(np.clip(shares, 0.001, 0.999)), np.float64)
