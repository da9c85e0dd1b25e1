"""What is recognised, and who is flagged, as users enrol: galleries of exact sizes, thresholds from their own patients.

Thresholds come from leaving one patient out of each gallery, as a snapshot takes them from itself, and the same
formulas score them. Queries and their references come from patients that no model saw; larger galleries are filled
with the other patients.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.progress import Progress, silent
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.growth.galleries import Gallery, Protocol, draw
from cxrgate.growth.scores import Everything, Scores
from cxrgate.index.measuring.asking import Answers, Queries
from cxrgate.index.measuring.fit import Fit
from cxrgate.index.self_measurement import MeasurementTerms
from cxrgate.train.scoring.figures import Figure

ALL = "all"
RATES = (0.01, 0.05, 0.1)
_REPLICATES = 1000

Int64s = NDArray[np.int64]
_NONE = np.empty(0, np.int64)
NOBODY = Queries(_NONE, np.empty(0), np.empty((0, len(COSINE_SPACES))), _NONE, _NONE, _NONE, _NONE)


@dataclass(frozen=True, slots=True)
class Drawing:
    """Which galleries are drawn: their numbers of references, how often each, and by which protocols."""

    sizes: Sequence[int] = (250, 500, 1000, 2000, 4500)
    draws: int = 20
    protocols: Sequence[Protocol] = tuple(Protocol)


STANDARD = Drawing()


@dataclass(frozen=True, slots=True)
class GrowthRow:
    """One size: shares by false-flag rate.

    Attributes:
        recognised: of left-out images of enrolled patients; NaN where there are none.
        flagged: of images of patients who are not enrolled, the mean over the draws.
        spread: its standard deviation over the draws.
        filled: references of patients that a model saw, the mean over the draws.
        queries: patients who were asked about.
    """

    source: str
    protocol: Protocol
    references: int
    recognised: Mapping[float, Figure]
    flagged: Mapping[float, Figure]
    spread: Mapping[float, float]
    filled: float
    queries: int


def measure_growth(
    everything: Everything,
    terms: MeasurementTerms,
    sources: Sequence[str],
    progress: Progress = silent,
    drawing: Drawing = STANDARD,
) -> list[GrowthRow]:
    """Every size that can be made, per source and protocol.

    Args:
        everything: what galleries are drawn from.
        terms: of the models.
        sources: their names; ALL stands for all of them together.
        progress: called with what is being done, how much was done now and of how much.
        drawing: which galleries.
    """
    scores = Scores(everything, terms)
    rows = []
    for source in sources:
        pool = np.array([source in {ALL, own} for own in everything.sources])
        for protocol in drawing.protocols:
            for size in drawing.sizes:
                galleries = _galleries(everything, pool, protocol, size, drawing.draws)
                if galleries:
                    rows.append(_row(scores, source, protocol, galleries))
                progress("draw galleries", 1, len(sources) * len(drawing.protocols) * len(drawing.sizes))
    return rows


def _galleries(
    everything: Everything, pool: NDArray[np.bool_], protocol: Protocol, size: int, draws: int
) -> list[Gallery]:
    """Nothing where one of that size cannot be made."""
    found = []
    for number in range(draws):
        gallery = draw(everything, pool, protocol, size, number)
        if gallery is None:
            return []
        found.append(gallery)
    return found


def _row(scores: Scores, source: str, protocol: Protocol, galleries: Sequence[Gallery]) -> GrowthRow:
    hits: dict[float, list[tuple[Int64s, NDArray[np.bool_]]]] = {rate: [] for rate in RATES}
    flags: dict[float, list[float]] = {rate: [] for rate in RATES}
    for gallery in galleries:
        enrolled, size = gallery.enrolled, len(gallery.enrolled)
        fit = Fit(scores.terms, size, Answers(scores.unenrolled(enrolled, gallery.rng), NOBODY))
        asked = scores.ask(gallery.queries, enrolled, as_unenrolled=False) if len(gallery.queries) else NOBODY
        others = scores.ask(gallery.unenrolled, enrolled, as_unenrolled=False)
        for rate in RATES:
            limits = fit.thresholds(rate)
            hits[rate].append((asked.patients, limits.flag(asked)))
            flags[rate].append(float(limits.flag(others).mean()))
    return GrowthRow(
        source=source,
        protocol=protocol,
        references=len(galleries[0].enrolled),
        recognised={rate: _over_draws(parts) for rate, parts in hits.items()},
        flagged={rate: _mean(np.array(values)) for rate, values in flags.items()},
        spread={rate: float(np.std(values)) for rate, values in flags.items()},
        filled=float(np.mean([(~scores.everything.unseen[gallery.enrolled]).sum() for gallery in galleries])),
        queries=len({patient for patients, _ in hits[RATES[0]] for patient in patients.tolist()}),
    )


def _over_draws(parts: Sequence[tuple[Int64s, NDArray[np.bool_]]]) -> Figure:
    """The share over all draws, with a bootstrap of the patients, seed 0: draws of one patient are no new patients."""
    patients, hits = (np.concatenate(side) for side in zip(*parts, strict=True))
    if not len(hits):
        return Figure(math.nan, math.nan, math.nan)
    _, numbers = np.unique(patients, return_inverse=True)
    count, found = np.bincount(numbers), np.bincount(numbers, hits)
    drawn = np.random.default_rng(0).integers(len(count), size=(_REPLICATES, len(count)))
    shares = found[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    low, high = np.quantile(shares, [0.025, 0.975])
    return Figure(float(hits.mean()), float(low), float(high))


def _mean(values: NDArray[np.float64]) -> Figure:
    """The mean over the draws, with twice its standard error."""
    error = 2 * float(values.std(ddof=1)) / math.sqrt(len(values))
    return Figure(float(values.mean()), float(values.mean()) - error, float(values.mean()) + error)
