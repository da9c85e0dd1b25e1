"""From answers, or the curve that is shipped with the models, or both, to the thresholds for a false-flag rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.spaces import COPY, COSINE_SPACES
from cxrgate.index.false_flag_curve import FalseFlagCurve
from cxrgate.index.measuring.asking import Answers, Queries
from cxrgate.index.self_measurement import MATCHES, MeasurementTerms, OperatingPoint, Recognised, Share
from cxrgate.index.shares import share_of_patients

COPY_SHARE = 0.1
"""Of the false flags that the copy space may use; chosen on the tune part of the shipped models' data."""
MATCH_SHARE = 0.1
"""Of the false flags that matches may use where the snapshot keeps keypoints; identity has as much less."""
MATCH_LIMIT = 72
"""No false-flag rate raises the threshold of matches above. Distinct patients have 52 at most."""
DEFAULT_RATE = 0.05
ENOUGH = 400
"""Patients for a measurement that stands alone: 5 % of them are 20."""
TRUSTED = 0.75
"""No threshold is higher than where the shipped curve flags this part of the rate. On public radiographs of distinct
patients the limit costs nothing: the thresholds that galleries of one source or of all measure for 5 % lie 0.005 to
0.06 below it. Where every image has an id of its own it keeps 0.28 of 0.30 recognised (1,000 references), not 0.18."""
_GROUPS = (1, 2, 3)
"""Numbers of other references that are told apart; the last one stands for more, too."""

Float64s = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Margin beside the cosine spaces, margin alone, similarity by name of the space.

    `limited` where the shipped curve lowered one.
    """

    beside: float
    alone: float
    cosines: Mapping[str, float]
    limited: bool
    matches: int | None = None

    def flag(self, queries: Queries) -> NDArray[np.bool_]:
        """Which queries all spaces together flag, bool[n]."""
        least = np.array([self.cosines[space.name] for space in COSINE_SPACES])
        pictures = (queries.cosines >= least).any(axis=1)
        if self.matches is not None:
            pictures |= queries.matches >= self.matches
        return np.asarray((queries.margins >= self.beside) | pictures)


class Fit:
    """Turns answers, or the shipped curve, or both into thresholds."""

    def __init__(
        self, terms: MeasurementTerms, references: int, answers: Answers | None, *, matched: bool = False
    ) -> None:
        """`matched`: the snapshot keeps keypoints, and matches have their share."""
        self._terms, self._references, self._answers = terms, references, answers
        self._matched = matched
        self._own = 1 - COPY_SHARE - (MATCH_SHARE if matched else 0)
        self.measured = 0 if answers is None else len(answers.unenrolled.patients)
        self._weight = 1.0 if terms.curve is None else min(1.0, self.measured / ENOUGH)
        self.standout = terms.standout
        if answers is not None or terms.curve is not None:
            margin = self.thresholds(DEFAULT_RATE).beside
            self.standout = replace(terms.standout, offset=-terms.standout.slope * margin)

    def point(self, rate: float) -> OperatingPoint:
        """The thresholds for a rate, and what they do here."""
        chosen = self.thresholds(rate)
        margins = np.array([chosen.beside, chosen.alone])
        standout, standout_alone = (float(value) for value in self.standout.calibrate(margins))
        if self._answers is None:
            nobody = Share(0.0, 0.0, 1.0, 0)
            copy, matches = chosen.cosines[COPY.name], chosen.matches
            return OperatingPoint(rate, standout, standout_alone, copy, nobody, matches=matches)
        flagged, recognised = (chosen.flag(queries) for queries in (self._answers.unenrolled, self._answers.members))
        return OperatingPoint(
            rate,
            standout,
            standout_alone,
            chosen.cosines[COPY.name],
            share_of_patients(flagged, self._answers.unenrolled.patients),
            tuple(_by_references(recognised, self._answers.members)),
            chosen.limited,
            chosen.matches,
        )

    def thresholds(self, rate: float) -> Thresholds:
        """What flags the share `rate`, but no more than the shipped curve allows."""
        copy = self._mixed(
            lambda queries: exceeded(_copies(queries), COPY_SHARE * rate),
            lambda curve: curve.copy(self._references, COPY_SHARE * rate),
        )
        # Above its limit medium copies would pass: it wins over the rate, and identity keeps its share.
        lower_copy = min(copy, self._terms.copy_limit, self._limit(FalseFlagCurve.copy, COPY_SHARE * rate))
        matches = self._matches(rate)
        beside = self._mixed(
            lambda queries: _beside(queries, lower_copy, matches, rate, self._own),
            lambda curve: curve.margin(self._references, self._own * rate),
        )
        alone = self._mixed(
            lambda queries: exceeded(queries.margins, rate), lambda curve: curve.margin(self._references, rate)
        )
        limit_beside = self._limit(FalseFlagCurve.margin, self._own * rate)
        limit_alone = self._limit(FalseFlagCurve.margin, rate)
        limited = beside > limit_beside or alone > limit_alone or lower_copy < min(copy, self._terms.copy_limit)
        cosines = {COPY.name: lower_copy}
        return Thresholds(min(beside, limit_beside), min(alone, limit_alone), cosines, limited, matches)

    def _matches(self, rate: float) -> int | None:
        """The threshold of matches, which are whole numbers: one more than their share of patients exceeds."""
        if not self._matched:
            return None
        if self._answers is None:
            return MATCHES
        most = exceeded(self._answers.unenrolled.matches.astype(np.float64), MATCH_SHARE * rate)
        return min(MATCH_LIMIT, max(MATCHES, math.floor(most) + 1))

    def _limit(self, what: Callable[[FalseFlagCurve, int, float], float], rate: float) -> float:
        curve = self._terms.curve
        return math.inf if curve is None else what(curve, self._references, TRUSTED * rate)

    def _mixed(self, measured: Callable[[Queries], float], shipped: Callable[[FalseFlagCurve], float]) -> float:
        """A number from the snapshot and from the curve, by how many patients were measured."""
        value = 0.0
        if self._answers is not None:
            value += self._weight * measured(self._answers.unenrolled)
        if self._terms.curve is not None and self._weight < 1:
            value += (1 - self._weight) * shipped(self._terms.curve)
        return value


def _copies(queries: Queries) -> Float64s:
    """The largest copy similarities, float64[n]."""
    return queries.cosines[:, COSINE_SPACES.index(COPY)]


def exceeded(values: Float64s, share: float) -> float:
    """What a further value of the same kind exceeds with probability `share` (Weibull 1939: unbiased)."""
    return float(np.quantile(values, 1 - share, method="weibull"))


def _beside(queries: Queries, copy: float, matches: int | None, rate: float, share: float) -> float:
    """The margin with which all together flag the share `rate`, but identity no less than its own share of it."""
    passed = _copies(queries) < copy
    if matches is not None:
        passed &= queries.matches < matches
    left = queries.margins[passed]
    by_copy = len(queries.margins) - len(left)
    wanted = rate * (len(queries.margins) + 1) - by_copy
    own = share * rate
    if wanted < own * len(left) or not len(left):
        return exceeded(queries.margins, own)
    return exceeded(left, min(1.0, wanted / (len(left) + 1)))


def _by_references(hits: NDArray[np.bool_], queries: Queries) -> Iterator[Recognised]:
    """All together, then by how many references of the patient were left."""
    yield Recognised(_GROUPS[0], at_least=True, share=share_of_patients(hits, queries.patients))
    for group in _GROUPS:
        last = group == _GROUPS[-1]
        chosen = queries.others >= group if last else queries.others == group
        if chosen.any():
            share = share_of_patients(hits[chosen], queries.patients[chosen])
            yield Recognised(group, at_least=last, share=share)
