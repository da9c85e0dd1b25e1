"""The sentences of format 2: no more than was measured, with how sure and of how many."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cxrgate.certification import laxer_words
from cxrgate.release_report.formats.one.claims import NOT_COVERED, percent_up
from cxrgate.release_report.formats.one.leaks import ANY, LeakRow
from cxrgate.release_report.formats.two.words import leak, leak_class

NOTHING_ELSE = "Nothing is promised of any other leak."
"""Where a certificate has no sentence of its own on what it does not promise."""
_OWN = ("Nothing is promised", "Measured, and not promised:", "Not measured:")
"""How a certificate's sentences on its limits begin."""


def outcome(released: int, images: int, references: int) -> str:
    """The first sentence."""
    return f"No match found: {released:,} of {images:,} images are released, held against {references:,} references."


def invented(run: Mapping[str, Any]) -> Iterator[str]:
    """That the enrolled patients are drawings, where the run says so."""
    if run.get("invented_patients"):
        yield "The patients are invented and every picture is a drawing: no figure here says anything of real images."


def uncertified() -> str:
    """In place of a promise."""
    return "Uncertified: no bound on missed leaks is promised for this gate."


def promised(rows: Iterable[LeakRow]) -> Iterator[str]:
    """What a certificate promises, and with which confidence."""
    kept = [row for row in rows if row.promised is not None]
    for row in kept:
        told = f"{leak(row.leak_class, row.strength)}: at most {percent_up(row.at_most)} pass"
        yield f"Promised of {told}; {row.misses:,} of {row.patients:,} patients were missed."
    if kept:
        sure = percent(kept[0].confidence)
        yield f"All that is promised holds together with {sure} confidence, for patients like those of the calibration."


def only_measured(rows: Iterable[LeakRow], source: str) -> Iterator[str]:
    """What is not promised, class by class by its worst strength: what may pass in full, and what else passes.

    Args:
        rows: of one source, in order.
        source: certificate or audit.
    """
    worst = _worst([row for row in rows if row.promised is None])
    full = [leak_class(name) for name, row in worst.items() if is_full(row)]
    part = [(name, row) for name, row in worst.items() if not is_full(row)]
    if full:
        yield f"Only measured ({source}), nothing is promised, and these may pass in full: {'; '.join(full)}."
    if part:
        told = "; ".join(f"{leak_class(name)}, at most {percent_up(row.at_most)} pass" for name, row in part)
        sure = percent(part[0][1].confidence)
        yield f"Only measured ({source}), nothing is promised: {told}; each with {sure} confidence by itself."


def limits(rows: Iterable[LeakRow], says: Sequence[str]) -> Iterator[str]:
    """What a certificate itself says of its limits."""
    own = [text for text in says if text.startswith(_OWN)]
    yield from (f"The certificate says: “{text}”" for text in own)
    if not any(text.startswith("Nothing is promised") for text in own):
        yield NOTHING_ELSE
    if not any(row.leak_class == "generated" and row.promised is not None for row in rows):
        yield NOT_COVERED


def laxer(items: list[dict[str, Any]]) -> Iterator[str]:
    """That the certificate makes the gate laxer than the default rule."""
    if items:
        yield (
            f"Laxer than the default rule of cxrgate: {laxer_words(items)}. "
            "Images that the default rule removes may be among the released."
        )


def false_flags(policy: Mapping[str, Any]) -> Iterator[str]:
    """Which share of unenrolled patients the thresholds were chosen to flag; of leaks it says nothing."""
    promise = policy.get("promise")
    if promise is not None:
        patients = f"{promise['patients']:,} patients of this snapshot"
        rests = {
            "measured": f"measured on {patients}",
            "combined": f"by {patients} and the curve shipped with the models",
            "limited": f"by {patients}, no higher than the curve shipped with the models allows: more may be flagged",
            "shipped": "by the curve shipped with the models; this snapshot was not measured",
        }.get(promise["basis"], promise["basis"])
        yield (
            f"False flags: the thresholds were chosen to flag {promise['rate'] * 100:g} % of patients who are not "
            f"enrolled, {rests}. This says nothing of leaks that pass."
        )


def expected(about: Mapping[str, Any]) -> Iterator[str]:
    """How many leaks are expected in this set; see expected.py for what is taken for granted."""
    removed, found, flags = about["removed"], about["promised"], about["false_flags"]
    if found is None:
        yield "How many leaks are expected among the released images is not known: nothing is promised of any kind."
        return
    yield (
        f"Expected leaks in this set: if each of the {removed:,} removed images was a leak of a promised kind, about "
        f"{up(found['expected'])} of that kind are among the {about['released']:,} released ones, and at most "
        f"{found['at_most']:,} with {percent(found['confidence'])} confidence. Leaks are taken to pass independently "
        "of each other; repetitions of one image may pass together. Leaks that are only measured come on top."
    )
    if flags is not None:
        likely, most, share = up(flags["expected"]), up(flags["at_most"]), percent_up(flags["share"])
        yield (
            f"In a set that holds none, about {likely}, at most {most}, of {flags['answered']:,} images with an answer "
            f"would be removed: {share} of patients who are not enrolled are."
        )


def covered(coverage: Mapping[str, Any] | None) -> Iterator[str]:
    """How much of what the generator was trained on is enrolled, and whether pixels or names were compared."""
    if coverage is None:
        yield "No training manifest of the generator was given: how much of it is enrolled is not known."
        return
    enrolled, listed = coverage["enrolled"], coverage["listed"]
    told = f"{enrolled:,} of {listed:,} images that the generator was trained on are enrolled"
    yield f"{told}; of the {listed - enrolled:,} others nothing is known." if listed > enrolled else f"{told}."
    compared, exchanged = coverage["compared"], coverage["exchanged"]
    if exchanged:
        yield f"{exchanged:,} of the others have the name of an enrolled image and other pixels."
    if compared < enrolled:
        rest = "They were" if compared == 0 else f"{enrolled - compared:,} of them were"
        yield f"{rest} compared by name, not by pixels: an image that was exchanged under its name counts as enrolled."


def percent(share: float) -> str:
    """A confidence in per cent."""
    return f"{share * 100:.4g} %"


def up(number: float) -> str:
    """A number with one decimal, rounded up."""
    return f"{math.ceil(number * 10 - 1e-9) / 10:,.1f}"


def is_full(row: LeakRow) -> bool:
    """Whether all leaks of a row may pass, as far as one decimal of a per cent tells."""
    return row.at_most >= 0.9995


def _worst(rows: Iterable[LeakRow]) -> dict[str, LeakRow]:
    """Per class the row that passes most; an audit's row of the whole class is the only one that counts there."""
    kept = list(rows)
    whole = [row for row in kept if row.strength == ANY]
    worst: dict[str, LeakRow] = {}
    for row in whole or kept:
        if row.leak_class not in worst or row.at_most > worst[row.leak_class].at_most:
            worst[row.leak_class] = row
    return worst
