"""A snapshot measures itself: every enrolled patient in turn is asked as if not enrolled (leave one patient out).

That gives the false-flag rate of every threshold at this very number of references. Patients with two or more
references are asked once more with one reference left out: that is the share which a threshold recognises.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.index.manifest import PartName
from cxrgate.index.measuring.asking import Answers, Asking, References
from cxrgate.index.measuring.fit import ENOUGH, Fit
from cxrgate.index.measuring.suspects import SUSPECTS, Suspects, find_suspects
from cxrgate.index.nearest_patients import number_patients
from cxrgate.index.parts import Arrays, Derive, Part, no_parts
from cxrgate.index.self_measurement import RATES, Basis, MeasurementTerms, SelfMeasurement, read_measurement
from cxrgate.index.snapshot import Snapshot

FEWEST = 40
"""Patients without which, and without a shipped curve, nothing is promised."""
SAMPLE = 2000
"""Patients that are asked, at most, in each of the two ways."""
IN_TURN = 4
"""References of one patient that are left out in turn, at most."""
SHARED = 0.01
"""Share of patients who share a picture with another from which their numbers are not believed."""
SAME_PICTURE = 100
"""Agreeing matches from which two patients share a picture. Distinct patients have 52 at most, copies that are turned
by 30 degrees 168 in the mean."""
PICTURES = "pictures"
"""The array of the part that holds opaque keys, two rows per pair of patients who share a picture; not there without
any."""
_NO_CURVE = "no curve is shipped for these models in this dtype"
"""A curve is of one set of weights in one dtype, the shipped one of float32."""
_TRAINED_ON = "trained_on"
"""The array of the part that holds the opaque keys of such patients; not there where there are none."""

Int64s = NDArray[np.int64]
Pairs = tuple[tuple[int, int], ...]


def measured(terms: MeasurementTerms, trained_on: Collection[bytes] = ()) -> Derive:
    """Makes the part MEASUREMENT of a new snapshot; see measure."""

    def derive(arrays: Arrays) -> dict[PartName, Part]:
        rows = References.of(arrays)
        kept = sorted({row.tobytes() for row in rows.patient_keys} & set(trained_on))
        measurement, sharing, suspects = _measure(rows, terms, kept)
        keys = {_TRAINED_ON: b"".join(kept), SUSPECTS: b"".join(suspects), PICTURES: b"".join(sharing)}
        length = rows.patient_keys.shape[1]
        more = {name: np.frombuffer(joined, np.uint8).reshape(-1, length) for name, joined in keys.items() if joined}
        return {PartName.MEASUREMENT: Part(measurement.to_json(), more)}

    return derive


def measured_again(base: Snapshot, trained_on: Collection[bytes] = (), terms: MeasurementTerms | None = None) -> Derive:
    """The same for a snapshot that is made from another one; nothing where that one never measured itself.

    Args:
        base: the other snapshot.
        trained_on: keys of added patients that the models were trained on.
        terms: what to measure by; None takes those of the base.
    """
    before = read_measurement(base.manifest)
    if before is None:
        return no_parts
    known: Iterable[NDArray[np.uint8]] = base.parts[PartName.MEASUREMENT].arrays.get(_TRAINED_ON, [])
    return measured(terms or before.terms, {*(row.tobytes() for row in known), *trained_on})


def measure(references: References, terms: MeasurementTerms, trained_on: Collection[bytes] = ()) -> SelfMeasurement:
    """Measure what is enrolled; the same references give the same measurement.

    Args:
        references: what is enrolled, in the order of insertion.
        terms: how scores are made, and what is shipped with the models.
        trained_on: opaque keys of patients that the models were trained on; others are ignored.
    """
    return _measure(references, terms, trained_on)[0]


def _measure(
    references: References, terms: MeasurementTerms, trained_on: Collection[bytes]
) -> tuple[SelfMeasurement, list[bytes], list[bytes]]:
    """The measurement, and the keys of pairs of patients, one after the other: who share a picture, and suspects."""
    patients = number_patients(references.patient_keys)
    _, first = np.unique(patients, return_index=True)
    keys = [references.patient_keys[row].tobytes() for row in first]
    known = np.array([key in trained_on for key in keys], dtype=bool)
    leave_out = known.any() and (~known).sum() >= ENOUGH
    asked = _sample(np.flatnonzero(~known) if leave_out else np.arange(len(keys)), keys)
    answers, reason, sharing = _ask(references, terms, patients, first, asked)
    suspects = Suspects.none() if answers is None else find_suspects(answers.unenrolled, len(patients), terms.curve)
    if answers is not None:
        answers = Answers(answers.unenrolled.only(~suspects.left_out), answers.members)
    basis, why = _basis(0 if answers is None else len(answers.unenrolled.patients), terms)
    believed = answers if basis in {Basis.MEASURED, Basis.COMBINED} else None
    fit = Fit(terms, len(patients), believed, matched=references.keypoints is not None)
    measurement = SelfMeasurement(
        terms=terms,
        standout=fit.standout,
        basis=basis,
        reason=reason or why,
        patients=fit.measured,
        left_out=int(known.sum()) if leave_out else 0,
        points=() if basis is Basis.NOTHING else tuple(fit.point(rate) for rate in RATES),
        suspects=len(suspects.pairs),
        by_chance=suspects.by_chance,
        sharing=len(sharing),
    )
    named, suspected = ([keys[patient] for pair in pairs for patient in pair] for pairs in (sharing, suspects.pairs))
    return measurement, named, suspected


def _ask(
    references: References, terms: MeasurementTerms, patients: Int64s, first: Int64s, asked: Int64s
) -> tuple[Answers | None, str, Pairs]:
    """Nothing and the reason where the patients of the list are not to be believed; and who share a picture."""
    if len(first) == len(patients) > 1:
        return None, "every image is its own patient", ()
    if len(asked) < 2:
        return None, "fewer than two patients", ()
    asking = Asking(references, terms, patients)
    unenrolled = asking.ask(first[asked], [np.flatnonzero(patients == patient) for patient in asked], matched=True)
    least = np.array([terms.same_picture[space.name] for space in COSINE_SPACES])
    by = np.column_stack([unenrolled.cosines >= least, unenrolled.matches >= SAME_PICTURE])
    shared = np.asarray(by.any(axis=1), dtype=bool)
    others = unenrolled.pictures[np.arange(len(by)), by.argmax(axis=1)]
    pairs = zip(unenrolled.patients[shared].tolist(), others[shared].tolist(), strict=True)
    sharing = tuple(sorted({(min(pair), max(pair)) for pair in pairs}))
    if shared.mean() > SHARED:
        return None, "patients share pictures", sharing
    rows = _in_turn(patients, asked)
    members = asking.ask(rows, [np.array([row]) for row in rows])
    return Answers(unenrolled.only(~shared), members), "", sharing


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
        return Basis.MEASURED, f"{few}, and {_NO_CURVE}"
    return Basis.NOTHING, f"fewer than {FEWEST} patients to measure, and {_NO_CURVE}"
