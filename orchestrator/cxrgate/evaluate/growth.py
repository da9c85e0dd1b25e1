"""How identity holds as the number of references grows: what is recognised, and who is flagged, as users enrol.

Galleries of exact sizes are drawn at random, thresholds come from leaving one patient out of each, as a snapshot takes
them from itself, and the same formulas score them. Queries and their references come from patients that no model saw;
larger galleries are filled with the other patients.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from cxrgate.core.progress import Progress, silent
from cxrgate.core.standout import COHORT, Cohort
from cxrgate.images.descriptors import split_copies
from cxrgate.index.measuring import CANDIDATES, ENOUGH, Answers, Fit, Queries, References
from cxrgate.index.self_measurement import MeasurementTerms
from cxrgate.train.scoring.figures import Figure

SIZES = (250, 500, 1000, 2000, 4500)
RATES = (0.01, 0.05, 0.1)
DRAWS = 20
FAR = 100_000
"""References that the curve is extrapolated to."""
_UNENROLLED = 0.3
"""Share of the unseen patients who are left out of a gallery, to be flagged or not."""
_REPLICATES = 1000
_LARGEST = 2000
"""Patients of a gallery that are asked as if not enrolled, at most: as in a snapshot's own measurement."""

Float32s = NDArray[np.float32]
Int64s = NDArray[np.int64]
_NOBODY = Queries(np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0, np.int64))


class Protocol(StrEnum):
    """Which images of a patient are enrolled."""

    ONE_REFERENCE = "one_reference"
    ALL_BUT_QUERY = "all_but_query"
    AT_RANDOM = "at_random"
    """Images are drawn one by one, whoever's they are: for false flags."""


@dataclass(frozen=True, slots=True, eq=False)
class Everything:
    """All images of a listing, one row each: what enrolment stores of them, whose they are, and where from."""

    references: References
    patients: Int64s = field(repr=False)
    """Numbers."""
    sources: Sequence[str] = field(repr=False)
    unseen: NDArray[np.bool_] = field(repr=False)
    """Whether no model saw the patient."""
    trained_on: NDArray[np.bool_] = field(repr=False)


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


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """What a rate would recognise against FAR references, and how well the fit foretold the largest measured size.

    The largest of N similarities tends to a Gumbel distribution whose location grows with log N (Fisher and Tippett
    1928), and so do the threshold and what a genuine image has beyond its cohort: the probit of the share recognised is
    taken to be linear in log N.
    """

    protocol: Protocol
    rate: float
    share: Figure
    largest: int
    measured: float
    foretold: float


def measure_growth(
    everything: Everything, terms: MeasurementTerms, sources: Sequence[str], progress: Progress = silent
) -> list[GrowthRow]:
    """Every size that can be made, per protocol, for all sources together ("all") and for each of `sources`."""
    scores = Scores(everything, terms)
    rows = []
    for source in ("all", *sources):
        pool = np.array([source in {"all", own} for own in everything.sources])
        for protocol in Protocol:
            for size in SIZES:
                row = _row(scores, pool, source, protocol, size)
                progress("draw galleries", 1, (1 + len(sources)) * len(Protocol) * len(SIZES))
                if row is not None:
                    rows.append(row)
    return rows


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
    value = float(np.polyval(np.polyfit(sizes, _probit(shares), 1), math.log(FAR)))
    foretold = float(np.polyval(np.polyfit(sizes[:-1], _probit(shares[:-1]), 1), sizes[-1]))
    figure = Figure(*(float(norm.cdf(value + by)) for by in (0, -error, error)))
    return Extrapolation(protocol, rate, figure, rows[-1].references, float(shares[-1]), float(norm.cdf(foretold)))


def _probit(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(norm.ppf(np.clip(shares, 0.001, 0.999)), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Gallery:
    """Rows of one drawing."""

    enrolled: Int64s
    queries: Int64s
    unenrolled: Int64s


class Scores:
    """Similarities of all images with all, float32[n, n] in both spaces."""

    def __init__(self, everything: Everything, terms: MeasurementTerms) -> None:
        self.everything, self.terms = everything, terms
        references = everything.references
        self._identity = _similarities(np.asarray(references.identity))
        parts = split_copies(np.asarray(references.copy))
        self._copies = np.maximum.reduce([_similarities(np.ascontiguousarray(part)) for part in parts])

    def ask(self, rows: Int64s, gallery: Int64s, *, as_unenrolled: bool) -> Queries:
        """The images of these rows against a gallery, without their own patient where `as_unenrolled`."""
        patients, references = self.everything.patients, self.everything.references
        order = gallery[np.argsort(patients[gallery], kind="stable")]
        own = patients[rows][:, None] == patients[order][None]
        near = self._identity[np.ix_(rows, order)]
        copies = self._copies[np.ix_(rows, order)]
        if as_unenrolled:
            near, copies = np.where(own, -np.inf, near), np.where(own, -1, copies)
        starts = np.flatnonzero(np.diff(patients[order], prepend=-1))
        best = -np.sort(-np.maximum.reduceat(near, starts, axis=1), axis=1)[:, : COHORT + 1]
        nearest = np.argpartition(-near, min(CANDIDATES, near.shape[1]) - 1, axis=1)[:, :CANDIDATES]
        margins = np.empty(len(rows))
        for place, row in enumerate(rows):
            chosen = order[nearest[place][np.isfinite(near[place, nearest[place]])]]
            scores = self.terms.head.score(references.features[row], references.features[chosen])
            others = best[place, 1:][np.isfinite(best[place, 1:])]
            cohort = Cohort.of(np.sqrt(np.maximum(2 - 2 * others.astype(np.float64), 0)))
            distances = np.sqrt(np.maximum(2 - 2 * self._identity[row, chosen].astype(np.float64), 0))
            margins[place] = self.terms.standout.margins(distances, scores, cohort).max()
        return Queries(patients[rows], margins, copies.max(axis=1).astype(np.float64), own.sum(axis=1))

    def cohort_mean(self, gallery: Int64s, cohort: int) -> float:
        """The mean similarity of the most similar other patients, over the patients of a gallery."""
        patients = self.everything.patients[gallery]
        near = np.where(patients[:, None] == patients[None], -np.inf, self._identity[np.ix_(gallery, gallery)])
        best = -np.sort(-near, axis=1)[:, :cohort]
        return float(best[np.isfinite(best)].mean())

    def strangers(self, gallery: Int64s, rng: np.random.Generator) -> Queries:
        """Every patient of a gallery as if not enrolled, as the default rule measures."""
        patients = self.everything.patients[gallery]
        _, first = np.unique(patients, return_index=True)
        rows = gallery[first]
        untouched = rows[~self.everything.trained_on[rows]]
        rows = untouched if len(untouched) >= ENOUGH else rows
        return self.ask(rng.permutation(rows)[:_LARGEST], gallery, as_unenrolled=True)


def _similarities(rows: Float32s) -> Float32s:
    squares = (rows.astype(np.float64) ** 2).sum(axis=1).astype(np.float32)
    return np.asarray(1 - (squares[:, None] + squares[None]) / 2 + rows @ rows.T, np.float32)


def _row(scores: Scores, pool: NDArray[np.bool_], source: str, protocol: Protocol, size: int) -> GrowthRow | None:
    """None where a gallery of that size cannot be made."""
    everything = scores.everything
    hits: dict[float, list[tuple[Int64s, NDArray[np.bool_]]]] = {rate: [] for rate in RATES}
    flags: dict[float, list[float]] = {rate: [] for rate in RATES}
    filled = []
    for draw in range(DRAWS):
        rng = np.random.default_rng([draw, size])
        gallery = _draw(everything, pool, protocol, size, rng)
        if gallery is None:
            return None
        filled.append(int((~everything.unseen[gallery.enrolled]).sum()))
        answers = Answers(scores.strangers(gallery.enrolled, rng), _NOBODY)
        fit = Fit(scores.terms, size, answers)
        asked = scores.ask(gallery.queries, gallery.enrolled, as_unenrolled=False) if len(gallery.queries) else _NOBODY
        others = scores.ask(gallery.unenrolled, gallery.enrolled, as_unenrolled=False)
        for rate in RATES:
            beside, _, copy = fit.thresholds(rate)
            hits[rate].append((asked.patients, (asked.margins >= beside) | (asked.copies >= copy)))
            flags[rate].append(float(((others.margins >= beside) | (others.copies >= copy)).mean()))
    recognised = {rate: _over_draws(parts) for rate, parts in hits.items()}
    flagged = {rate: _mean(np.array(values)) for rate, values in flags.items()}
    spread = {rate: float(np.std(values)) for rate, values in flags.items()}
    queries = len({patient for patients, _ in hits[RATES[0]] for patient in patients.tolist()})
    return GrowthRow(source, protocol, size, recognised, flagged, spread, float(np.mean(filled)), queries)


def _draw(
    everything: Everything, pool: NDArray[np.bool_], protocol: Protocol, size: int, rng: np.random.Generator
) -> _Gallery | None:
    """A gallery of exactly `size` references; the unseen patients come first."""
    groups = _groups(everything.patients, np.flatnonzero(pool & everything.unseen), rng)
    left_out = round(_UNENROLLED * len(groups))
    if protocol is Protocol.ONE_REFERENCE:
        # Nearly every patient is needed for the largest size: then fewer are left out.
        left_out = min(left_out, len(np.unique(everything.patients[pool])) - size)
    left_out = max(1, left_out) if groups else 0
    unenrolled = np.array([group[0] for group in groups[:left_out]], np.int64)
    rest = groups[left_out:]
    fillers = _groups(everything.patients, np.flatnonzero(pool & ~everything.unseen), rng)
    queries: list[int] = []
    if protocol is Protocol.AT_RANDOM:
        images = [rng.permutation(np.concatenate(part)) for part in (rest, fillers) if part]
        enrolled = np.concatenate(images)[:size] if images else np.empty(0, np.int64)
    else:
        taken: list[Int64s] = []
        room = size
        for group in (*rest, *fillers):
            kept = group[1:] if len(group) > 1 else group
            kept = kept[: min(room, 1 if protocol is Protocol.ONE_REFERENCE else room)]
            if not room:
                break
            taken.append(kept)
            room -= len(kept)
            if len(group) > 1 and everything.unseen[group[0]]:
                queries.append(int(group[0]))
        enrolled = np.concatenate(taken) if taken else np.empty(0, np.int64)
    if len(enrolled) < size or not len(unenrolled):
        return None
    return _Gallery(enrolled, np.array(queries, np.int64), unenrolled)


def draw_gallery(count: int, size: int, draw: int) -> Int64s | None:
    """Rows of `size` of `count` images, drawn at random; None where there are too few."""
    rows = np.random.default_rng([draw, size, 1]).permutation(count)[:size]
    return rows if len(rows) == size else None


def _groups(patients: Int64s, rows: Int64s, rng: np.random.Generator) -> list[Int64s]:
    """The rows of each patient, patients and images in random order."""
    shuffled = rng.permutation(rows)
    order = shuffled[np.argsort(patients[shuffled], kind="stable")]
    parts = np.split(order, np.flatnonzero(np.diff(patients[order])) + 1) if len(order) else []
    return [parts[place] for place in rng.permutation(len(parts))]


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
