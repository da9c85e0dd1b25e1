"""What a snapshot's measurement says, in sentences: the same wherever it is printed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cxrgate.core.counted import counted
from cxrgate.core.promise import Promise
from cxrgate.index.manifest import PartName
from cxrgate.index.self_measurement import Basis, OperatingPoint, SelfMeasurement

SHOWN_RATES = (0.001, 0.01, 0.02, 0.05, 0.1, 0.2)
"""The rates whose trade-off is told."""


def sentences(measurement: SelfMeasurement, rate: float = 0.05) -> list[str]:
    """The promise at this rate, what it rests on, and what of enrolled patients' other radiographs is recognised."""
    return list(_sentences(measurement, rate))


def _sentences(measurement: SelfMeasurement, rate: float) -> Iterator[str]:
    if measurement.basis is Basis.NOTHING:
        yield f"No false-flag rate is promised: {measurement.reason}. The same-patient score is held against 0.5."
        yield from _sharing(measurement)
        return
    point = measurement.at(rate)
    yield f"{measurement.promise(rate)}."
    if point.limited:
        yield (
            "A threshold is held down by the curve shipped with the models, which was measured on patients known to be "
            f"distinct: by this snapshot's patients alone it would be higher. Of those {point.flagged} are flagged."
        )
    yield from _sharing(measurement)
    yield from _suspects(measurement)
    if measurement.reason:
        yield f"Why the snapshot's own patients are not all that it rests on: {measurement.reason}."
    if measurement.left_out:
        left_out = counted(measurement.left_out, "patient was", "patients were")
        yield f"{left_out} left out because the models were trained on them."
    if measurement.terms.held_down(point):
        yield "The copy threshold is at its limit, above which medium copies would pass: more may be flagged."
    yield recognised(measurement, rate)
    others = [f"{100 * other:g} %: {_all(measurement.at(other))}" for other in SHOWN_RATES if other != rate]
    if point.recognised:
        by_number = "; ".join(f"{item.label}: {item.share}" for item in point.recognised[1:])
        yield f"By the number of other references of the patient: {by_number}."
        yield f"Recognised at other false-flag rates: {'; '.join(others)}."


def _sharing(measurement: SelfMeasurement) -> Iterator[str]:
    if measurement.sharing:
        pairs = counted(measurement.sharing, "pair of patients shares", "pairs of patients share")
        yield (
            f"{pairs} a picture: it is enrolled under two ids, and these patients are no part of the measurement. A "
            "file beside the reference map names them, and `cxrgate duplicates` with your list of real images names "
            "the pictures: where it is one person, give one id; where it is a slip, take one of the two out. Then "
            "enrol again."
        )


def _suspects(measurement: SelfMeasurement) -> Iterator[str]:
    if measurement.suspects:
        pairs = counted(measurement.suspects, "pair of patients resembles", "pairs of patients resemble")
        by_chance = counted(measurement.by_chance, "is", "are")
        yield (
            f"{pairs} each other as one in 500 distinct patients resembles another; {by_chance} expected by chance. "
            "They may be one person under two ids, and those beyond chance were left out of the measurement. A file "
            "beside the reference map names them."
        )
    if measurement.terms.curve is None and measurement.points:
        yield (
            "No curve is shipped for these models in this dtype (that of the shipped models is of float32), so nothing "
            "but the ids keeps the thresholds down where persons have several: the command cxrgate "
            "train false-flags makes one."
        )


def recognised(measurement: SelfMeasurement, rate: float) -> str:
    """What the thresholds for a rate recognise, in one sentence."""
    point = measurement.at(rate)
    if not point.flagged.patients:
        return f"Another radiograph of an enrolled patient: not measured, because {measurement.reason}."
    if not point.recognised:
        return "Another radiograph of an enrolled patient: not measured, no patient has two references."
    share = point.recognised[0].share
    return (
        f"Another radiograph of an enrolled patient: {100 * share.value:.0f} % ({100 * share.low:.0f}-"
        f"{100 * share.high:.0f}) are recognised, measured on {share.patients:,} of your patients; the others pass."
    )


def recognised_by(snapshot: Mapping[str, Any], promise: Promise | None) -> str | None:
    """The same of a snapshot's manifest as JSON, at the promised rate.

    None where nothing is promised, or the snapshot never measured itself.
    """
    part = snapshot.get("parts", {}).get(PartName.MEASUREMENT)
    if promise is None or part is None:
        return None
    return recognised(SelfMeasurement.from_json(part["about"]), promise.rate)


def _all(point: OperatingPoint) -> str:
    return f"{100 * point.recognised[0].share.value:.0f} %" if point.recognised else "not measured"
