"""Cases through the whole gate: bytes in, one row of a table out.

A case is a planted leak, a radiograph of a patient who is not enrolled, or an image that is no radiograph at all. What
the gate said of each, with scores and the stage that missed, is what calibration and audit count.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import pandas as pd

from cxrgate.core import Decision, Failure, ImageRecord, Stage, UsageError
from cxrgate.core.spaces import COSINE_SPACES, SIMILARITIES
from cxrgate.core.standout import Standout
from cxrgate.gate.pipeline import Checked, Gate

BATCH = 16
COLUMNS = (
    "patient",
    "kind",
    "leak_class",
    "strength",
    "variant",
    "decision",
    "reasons",
    "score",
    *SIMILARITIES,
    "typicality",
    "frontality",
    "found",
    "failed",
    "refused",
)
MATCHES = "matches"
STANDOUTS = ("standout", "near_distance", "near_score", "cohort_mean", "cohort_spread", "cohort_size", MATCHES)
"""Further columns since 0.2: the largest standout, distance and score of the candidate that has it, and the cohort that
it was held against, so that another policy's standout can be made of them; the most agreeing matches; NaN where nothing
is known of one."""
_OF_THE_MACHINE = frozenset({"DECODER_TIMEOUT", "DECODER_DIED", "DECODER_MEMORY"})


class CaseKind(StrEnum):
    """What a case is."""

    LEAK = "leak"
    UNENROLLED = "clean"  # the words of recorded cases
    OUTLIER = "stranger"


@dataclass(frozen=True, slots=True)
class PlantedCase:
    """One image for the gate, and what is known of it.

    Attributes:
        content: the encoded image.
        kind: a leak of an enrolled patient, a patient who is not enrolled, or no frontal chest radiograph.
        patient: opaque, the snapshot's patient key in hex for a leak; "" for an outlier.
        leak_class: see leaks.CLASSES; of an outlier its source; "" for an unenrolled patient.
        strength: within the class.
        variant: tells several cases of one patient, class and strength apart.
    """

    content: bytes = field(repr=False)
    kind: CaseKind
    patient: str = ""
    leak_class: str = ""
    strength: str = ""
    variant: str = ""


async def check_cases(
    gate: Gate,
    cases: Iterable[PlantedCase],
    progress: Callable[[int], None] = lambda _: None,
    batch: int = BATCH,
    standout: Standout | None = None,
) -> pd.DataFrame:
    """Ask the gate about each case.

    Args:
        gate: with the policy that decides.
        cases: taken one by one in a thread of their own, so that a generator which makes images works beside the
            models and holds few of them.
        progress: called with the number of cases answered since the last call.
        batch: cases per batch of the gate.
        standout: of the snapshot, which is recorded beside the score; None leaves its columns NaN.

    Returns:
        One row per case in order, with COLUMNS and STANDOUTS: `reasons` joined by ";", `found` whether the patient was
        among the candidates (False for other kinds than leaks), `failed` whether there is no evidence; numbers are
            NaN then, as `frontality` is where the retrieval model does not say. `refused` says of a failed one that the
            gate takes no such image, whatever the thresholds; any other failure is an error of the gate, see `missed`.
    """
    asked: list[PlantedCase] = []
    rows: list[dict[str, Any]] = []
    async with aclosing(gate.check(_records(iter(cases), asked), batch)) as answers:
        async for checked in answers:
            rows.append({**_row(asked[len(rows)], checked), **_standing_out(checked, standout)})
            progress(1)
    return pd.DataFrame(rows, columns=[*COLUMNS, *STANDOUTS])


async def _records(cases: Iterator[PlantedCase], asked: list[PlantedCase]) -> AsyncIterator[ImageRecord]:
    """A record per case; the case itself is kept without its bytes."""
    while (case := await asyncio.to_thread(next, cases, None)) is not None:
        record = ImageRecord(str(len(asked)), case.content)
        asked.append(PlantedCase(b"", case.kind, case.patient, case.leak_class, case.strength, case.variant))
        yield record


def _row(case: PlantedCase, checked: Checked) -> dict[str, Any]:
    known = {name: getattr(case, name) for name in ("patient", "leak_class", "strength", "variant")}
    return {**known, "kind": case.kind.value, **_answer(case, checked)}


def _answer(case: PlantedCase, checked: Checked) -> dict[str, Any]:
    outcome = checked.outcome
    decision = outcome.decision.value
    if isinstance(outcome, Failure):
        nothing = dict.fromkeys(("score", *SIMILARITIES, "typicality", "frontality"), math.nan)
        about = {"found": False, "failed": True, "refused": _is_refused(outcome)}
        return {"decision": decision, "reasons": outcome.reason, **nothing, **about}
    candidates = outcome.evidence.candidates
    return {
        "decision": decision,
        "reasons": ";".join(outcome.reasons),
        "score": outcome.score,
        **{space.similarity: outcome.similarities[space.name] for space in COSINE_SPACES},
        "typicality": candidates.typicality,
        "frontality": math.nan if candidates.frontality is None else candidates.frontality,
        "found": case.kind is CaseKind.LEAK and case.patient in candidates.patient_keys,
        "failed": False,
        "refused": False,
    }


def _standing_out(checked: Checked, standout: Standout | None) -> dict[str, float]:
    outcome = checked.outcome
    if isinstance(outcome, Failure):
        return dict.fromkeys(STANDOUTS, math.nan)
    cohort, most = outcome.evidence.candidates.cohort, math.nan if outcome.matches is None else outcome.matches
    if standout is None or cohort is None:
        return {**dict.fromkeys(STANDOUTS, math.nan), MATCHES: most}
    distances, scores = outcome.evidence.candidates.distances, outcome.evidence.scores
    found = standout(distances, scores, cohort)
    nearest = int(found.argmax())
    values = (found[nearest], distances[nearest], scores[nearest], cohort.mean, cohort.spread, cohort.size, most)
    return {name: float(value) for name, value in zip(STANDOUTS, values, strict=True)}


def _is_refused(failure: Failure) -> bool:
    """Whether the image itself is the cause, and not how fast or how large this machine is."""
    of_the_image = failure.stage in {Stage.READ, Stage.DECODE} and failure.code == "INVALID_ARGUMENT"
    return of_the_image and failure.reason not in _OF_THE_MACHINE


def read_cases(path: Path) -> pd.DataFrame:
    """Recorded cases; NaN in the columns STANDOUTS that an earlier version did not record.

    Raises:
        UsageError: they lack a column, as those of an earlier version do; or one is said to be refused and has a
            verdict, which would take a leak that is released out of the count.
    """
    cases = pd.read_parquet(path)
    absent = [name for name in COLUMNS if name not in cases.columns]
    if absent:
        raise UsageError(f"{path} was recorded by another version and lacks {', '.join(absent)}: record the cases anew")
    judged = int((cases["refused"] & ~(cases["failed"] & (cases["decision"] == Decision.INDETERMINATE))).sum())
    if judged:
        raise UsageError(f"{path}: {judged} cases are said to be refused and yet have a verdict: record the cases anew")
    return cases.reindex(columns=[*cases.columns, *(name for name in STANDOUTS if name not in cases.columns)])
