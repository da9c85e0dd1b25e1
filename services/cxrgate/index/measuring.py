"""A snapshot measures itself: every enrolled patient in turn is asked as if not enrolled (leave one patient out).

That gives the false-flag rate of every threshold at this very number of references. Patients with two or more
references are asked once more with one reference left out: that is the share which a threshold recognises.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.spaces import COPY, IDENTITY
from cxrgate.images.descriptors import parts
from cxrgate.index.engines.distance import exact_distances
from cxrgate.index.engines.engine import EngineName
from cxrgate.index.engines.make import make_engine
from cxrgate.index.false_flag_curve import FalseFlagCurve
from cxrgate.index.manifest import PartName
from cxrgate.index.nearest_patients import NearestPatients, number_patients
from cxrgate.index.parts import Arrays, Derive, Part, no_parts
from cxrgate.index.self_measurement import (
    RATES,
    Basis,
    MeasurementTerms,
    OperatingPoint,
    Recognised,
    SelfMeasurement,
    Share,
    read_measurement,
)
from cxrgate.index.shares import share_of_patients
from cxrgate.index.snapshot import Snapshot
from cxrgate.index.spaces import Spaces, similarities

CANDIDATES = 3
"""Per space, as in the default rule."""
COPY_SHARE = 0.1
"""Of the false flags that the copy space may use; chosen on the tune part of the shipped models' data."""
DEFAULT_RATE = 0.05
ENOUGH = 400
"""Patients for a measurement that stands alone: 5 % of them are 20."""
FEWEST = 40
"""Patients without which, and without a shipped curve, nothing is promised."""
SAMPLE = 2000
"""Patients that are asked, at most, in each of the two ways."""
IN_TURN = 4
"""References of one patient that are left out in turn, at most."""
SHARED = 0.01
"""Share of patients who share a picture with another from which their numbers are not believed."""
_BATCH = 128
_TRAINED_ON = "trained_on"
"""The array of the part that holds the opaque keys of such patients; not there where there are none."""
_GROUPS = (1, 2, 3)
"""Numbers of other references that are told apart; the last one stands for more, too."""

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class References:
    """What is enrolled, one row per reference: see Snapshot."""

    identity: NDArray[np.float32] = field(repr=False)
    features: NDArray[np.float32] = field(repr=False)
    copy: NDArray[np.float32] = field(repr=False)
    patient_keys: NDArray[np.uint8] = field(repr=False)

    @classmethod
    def of(cls, arrays: Arrays) -> References:
        """Those of a snapshot's arrays that a measurement needs."""
        return cls(arrays[IDENTITY], arrays["features"], arrays[COPY.name], arrays["patient_keys"])


def measured(terms: MeasurementTerms, trained_on: Collection[bytes] = ()) -> Derive:
    """Makes the part MEASUREMENT of a new snapshot; see measure."""

    def derive(arrays: Arrays) -> dict[PartName, Part]:
        rows = References.of(arrays)
        kept = sorted({row.tobytes() for row in rows.patient_keys} & set(trained_on))
        more = {_TRAINED_ON: np.frombuffer(b"".join(kept), np.uint8).reshape(len(kept), -1)} if kept else {}
        return {PartName.MEASUREMENT: Part(measure(rows, terms, kept).to_json(), more)}

    return derive


def measured_again(base: Snapshot, trained_on: Collection[bytes] = ()) -> Derive:
    """The same for a snapshot that is made from another one, by that one's terms; nothing where it has none.

    `trained_on` are the keys of added patients that the models were trained on.
    """
    before = read_measurement(base.manifest)
    if before is None:
        return no_parts
    known: Iterable[NDArray[np.uint8]] = base.parts[PartName.MEASUREMENT].arrays.get(_TRAINED_ON, [])
    return measured(before.terms, {*(row.tobytes() for row in known), *trained_on})


def measure(references: References, terms: MeasurementTerms, trained_on: Collection[bytes] = ()) -> SelfMeasurement:
    """Measure what is enrolled; the same references give the same measurement.

    Args:
        references: what is enrolled, in the order of insertion.
        terms: how scores are made, and what is shipped with the models.
        trained_on: opaque keys of patients that the models were trained on; others are ignored.
    """
    patients = number_patients(references.patient_keys)
    _, first = np.unique(patients, return_index=True)
    keys = [references.patient_keys[row].tobytes() for row in first]
    known = np.array([key in trained_on for key in keys], dtype=bool)
    leave_out = known.any() and (~known).sum() >= ENOUGH
    asked = _sample(np.flatnonzero(~known) if leave_out else np.arange(len(keys)), keys)
    answers, reason = _ask(references, terms, patients, first, asked)
    basis, why = _basis(0 if answers is None else len(answers.strangers.patients), terms)
    fit = Fit(terms, len(patients), answers if basis in {Basis.MEASURED, Basis.COMBINED} else None)
    return SelfMeasurement(
        terms=terms,
        standout=fit.standout,
        basis=basis,
        reason=reason or why,
        patients=fit.measured,
        left_out=int(known.sum()) if leave_out else 0,
        points=() if basis is Basis.NOTHING else tuple(fit.point(rate) for rate in RATES),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What asking gave: patients as if not enrolled, and references left out of patients who still are."""

    strangers: Queries
    members: Queries


def _ask(
    references: References, terms: MeasurementTerms, patients: Int64s, first: Int64s, asked: Int64s
) -> tuple[Answers | None, str]:
    """Nothing and the reason where the patients of the list are not to be believed."""
    if len(first) == len(patients) > 1:
        return None, "every image is its own patient"
    if len(asked) < 2:
        return None, "fewer than two patients"
    asking = _Asking(references, terms, patients)
    strangers = asking.ask(first[asked], [np.flatnonzero(patients == patient) for patient in asked])
    shared = strangers.copies >= (1 + terms.copy_limit) / 2
    if shared.mean() > SHARED:
        return None, "patients share pictures"
    rows = _in_turn(patients, asked)
    members = asking.ask(rows, [np.array([row]) for row in rows])
    return Answers(strangers.only(~shared), members), ""


def _sample(patients: Int64s, keys: Sequence[bytes]) -> Int64s:
    """At most SAMPLE of the patients. Their keys are keyed hashes: the smallest ones are a fair sample."""
    chosen = sorted(patients.tolist(), key=lambda patient: keys[patient])[:SAMPLE]
    return np.array(sorted(chosen), dtype=np.int64)


def _in_turn(patients: Int64s, asked: Int64s) -> Int64s:
    """Rows of references, at most IN_TURN per patient and SAMPLE in all, of those patients with two or more."""
    several = asked[np.bincount(patients)[asked] > 1]
    rows = [np.flatnonzero(patients == patient)[:IN_TURN] for patient in several]
    return np.concatenate(rows)[:SAMPLE] if rows else np.empty(0, np.int64)


def _basis(measured: int, terms: MeasurementTerms) -> tuple[Basis, str]:
    if measured >= ENOUGH:
        return Basis.MEASURED, ""
    few = f"fewer than {ENOUGH} patients to measure"
    if terms.curve is not None:
        return (Basis.COMBINED if measured else Basis.SHIPPED), few
    if measured >= FEWEST:
        return Basis.MEASURED, f"{few}, and the models ship no curve"
    return Basis.NOTHING, f"fewer than {FEWEST} patients to measure, and the models ship no curve"


@dataclass(frozen=True, slots=True, eq=False)
class Queries:
    """Of each query its patient, its largest margin and copy similarity, and the patient's other references."""

    patients: Int64s
    margins: Float64s
    copies: Float64s
    others: Int64s

    def only(self, chosen: NDArray[np.bool_]) -> Queries:
        """Some of them."""
        return Queries(self.patients[chosen], self.margins[chosen], self.copies[chosen], self.others[chosen])


class _Asking:
    """Asks references as a check asks images, with some of the snapshot hidden."""

    def __init__(self, references: References, terms: MeasurementTerms, patients: Int64s) -> None:
        self._references, self._terms, self._patients = references, terms, patients
        described = parts(COPY.name, references.copy)
        self._spaces = Spaces(
            NearestPatients(make_engine(EngineName.CODES, references.identity), patients),
            {COPY.name: tuple(make_engine(EngineName.CODES, np.ascontiguousarray(p)) for p in described)},
        )

    def ask(self, rows: Int64s, without: Sequence[Int64s]) -> Queries:
        """The references of these rows, each as if the rows `without` were not enrolled."""
        answers = [
            answer
            for start in range(0, len(rows), _BATCH)
            for answer in self._batch(rows[start : start + _BATCH], without[start : start + _BATCH])
        ]
        table = np.array(answers, dtype=np.float64).reshape(len(rows), 2)
        others = np.bincount(self._patients)[self._patients[rows]] - np.array([len(item) for item in without])
        return Queries(self._patients[rows], table[:, 0], table[:, 1], others.astype(np.int64))

    def _batch(self, rows: Int64s, without: Sequence[Int64s]) -> list[tuple[float, float]]:
        references = self._references
        asked = {IDENTITY: np.asarray(references.identity[rows]), COPY.name: np.asarray(references.copy[rows])}
        found = self._spaces.search(asked, CANDIDATES, without)
        answers = []
        for row, union in zip(rows, found, strict=True):
            distances = exact_distances(references.identity[union.rows], references.identity[row])
            scores = self._terms.head.score(references.features[row], references.features[union.rows])
            margins = self._terms.standout.margins(distances, scores, union.cohort)
            alike = similarities(COPY.name, references.copy[union.rows], references.copy[row])
            answers.append((float(margins.max()), float(alike.max())))
        return answers


class Fit:
    """Turns answers, or the shipped curve, or both into thresholds."""

    def __init__(self, terms: MeasurementTerms, references: int, answers: Answers | None) -> None:
        self._terms, self._references, self._answers = terms, references, answers
        self.measured = 0 if answers is None else len(answers.strangers.patients)
        self._weight = 1.0 if terms.curve is None else min(1.0, self.measured / ENOUGH)
        self.standout = terms.standout
        if answers is not None or terms.curve is not None:
            margin = self.thresholds(DEFAULT_RATE)[0]
            self.standout = replace(terms.standout, offset=-terms.standout.slope * margin)

    def point(self, rate: float) -> OperatingPoint:
        """The thresholds for a rate, and what they do here."""
        beside, alone, copy = self.thresholds(rate)
        standout, standout_alone = (float(value) for value in self.standout.calibrate(np.array([beside, alone])))
        if self._answers is None:
            return OperatingPoint(rate, standout, standout_alone, copy, Share(0.0, 0.0, 1.0, 0))
        flagged, recognised = (
            (queries.margins >= beside) | (queries.copies >= copy)
            for queries in (self._answers.strangers, self._answers.members)
        )
        return OperatingPoint(
            rate,
            standout,
            standout_alone,
            copy,
            share_of_patients(flagged, self._answers.strangers.patients),
            tuple(_by_references(recognised, self._answers.members)),
        )

    def thresholds(self, rate: float) -> tuple[float, float, float]:
        """Margin beside the copy space, margin alone, and copy similarity that flag the share `rate`."""
        copy = self._mixed(
            lambda queries: exceeded(queries.copies, COPY_SHARE * rate),
            lambda curve: curve.copy(self._references, COPY_SHARE * rate),
        )
        # Above this limit medium copies would pass: it wins over the rate, and identity keeps its share.
        copy = min(copy, self._terms.copy_limit)
        beside = self._mixed(
            lambda queries: _beside(queries, copy, rate),
            lambda curve: curve.margin(self._references, (1 - COPY_SHARE) * rate),
        )
        alone = self._mixed(
            lambda queries: exceeded(queries.margins, rate), lambda curve: curve.margin(self._references, rate)
        )
        return beside, alone, copy

    def _mixed(self, measured: Callable[[Queries], float], shipped: Callable[[FalseFlagCurve], float]) -> float:
        """A number from the snapshot and from the curve, by how many patients were measured."""
        value = 0.0
        if self._answers is not None:
            value += self._weight * measured(self._answers.strangers)
        if self._terms.curve is not None and self._weight < 1:
            value += (1 - self._weight) * shipped(self._terms.curve)
        return value


def exceeded(values: Float64s, share: float) -> float:
    """What a further value of the same kind exceeds with probability `share` (Weibull 1939: unbiased)."""
    return float(np.quantile(values, 1 - share, method="weibull"))


def _beside(queries: Queries, copy: float, rate: float) -> float:
    """The margin with which both spaces together flag the share `rate`, but identity no less than its own share."""
    left = queries.margins[queries.copies < copy]
    by_copy = len(queries.margins) - len(left)
    wanted = rate * (len(queries.margins) + 1) - by_copy
    own = (1 - COPY_SHARE) * rate
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
