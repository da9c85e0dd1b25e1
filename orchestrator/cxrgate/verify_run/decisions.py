"""Every decision made again from the numbers that the journal holds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.json_text import MALFORMED
from cxrgate.core.spaces import SIMILARITIES
from cxrgate.core.standout import Cohort
from cxrgate.release_report.rule import Decided, decide
from cxrgate.verify_run.journal import Batch
from cxrgate.verify_run.violation import Kind, Violation

_NUMBERS = 2 + len(SIMILARITIES)
"""Distance, similarities and score of a row of evidence; what follows are matches, in rows that have any."""
_UNANSWERED, _PASSED = "INDETERMINATE", "ANONYMOUS"
_NO_SIMILARITIES = dict.fromkeys(SIMILARITIES, math.nan)
_ROUNDING = 1e-6
"""What adding in another order may change of a number; candidates are recorded with every digit."""
_INVALID = "SCORE_INVALID"
"""Of candidates of which one is named twice, so that another was not looked at."""


def changed_decisions(batch: Batch, policy: Mapping[str, Any]) -> Iterator[Violation]:
    """Rows whose decision, reasons, release or numbers do not follow from the batch's evidence.

    Args:
        batch: a line of the journal.
        policy: as run.json holds it.
    """
    evidence, references = defaultdict(list), defaultdict(list)
    for name, reference, _patient, *numbers in (row for row in batch.evidence if len(row) > 3):
        evidence[name].append([math.nan if number is None else float(number) for number in numbers])
        references[name].append(reference)
    for row in batch.results:
        try:
            expected = _expected(policy, row, evidence[row["image_id"]], references[row["image_id"]])
            differing = "; ".join(_differing(row, expected, evidence[row["image_id"]]))
        except MALFORMED as error:
            told = f"nothing follows from its numbers and the policy: {type(error).__name__}"
            yield Violation(Kind.DECISION_DIFFERS, row["image_id"], told)
            continue
        answer = expected.decision, expected.reasons, bool(expected.borderline)
        found = row["decision"], row["reasons"], bool(row["borderline"])
        if answer != found:
            told = f"the journal says {found}, its numbers say {answer}"
            yield Violation(Kind.DECISION_DIFFERS, row["image_id"], told)
        if differing:
            yield Violation(Kind.NUMBER_DIFFERS, row["image_id"], differing)
        if bool(row["released_as"]) != (expected.decision == _PASSED):
            told = f"released as {row['released_as']!r}, and its numbers say {expected.decision}"
            yield Violation(Kind.RELEASED_UNPROVEN, row["image_id"], told)


def _expected(
    policy: Mapping[str, Any], row: Mapping[str, Any], evidence: Sequence[Sequence[float]], references: Sequence[str]
) -> Decided:
    """What follows; whatever failed in a stage, or has no evidence, has no answer, and its numbers are none."""
    if row["stage"] or not evidence:
        return Decided(_UNANSWERED, row["reasons"], borderline=False, score=math.nan, similarities=_NO_SIMILARITIES)
    numbers = np.array(evidence)
    matches = _matches(numbers)
    told = (_number(row, "typicality"), _number(row, "frontality"))
    decided = decide(policy, numbers[:, :_NUMBERS], *told, _cohort(row), matches)
    if len(set(references)) != len(references):
        return replace(decided, decision=_UNANSWERED, reasons=_INVALID, borderline=False)
    return decided


def _differing(row: Mapping[str, Any], expected: Decided, evidence: Sequence[Sequence[float]]) -> Iterator[str]:
    """The numbers of a row that are not those of its candidates; earlier versions had fewer columns."""
    distance = min((numbers[0] for numbers in evidence), default=math.nan) if not row["stage"] else math.nan
    told = {
        "score": expected.score,
        "standout": expected.standout,
        "distance": distance,
        "matches": expected.matches,
        **expected.similarities,
    }
    for name in sorted(told.keys() & row.keys()):
        found = _number(row, name)
        both = math.isfinite(found) and math.isfinite(told[name])
        if not (abs(found - told[name]) <= _ROUNDING if both else math.isfinite(found) == math.isfinite(told[name])):
            yield f"{name}: the journal says {found:g}, its candidates say {told[name]:g}"


def _matches(numbers: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """None where nobody counted them."""
    if numbers.shape[1] <= _NUMBERS or np.isnan(numbers[:, _NUMBERS]).any():
        return None
    return np.asarray(numbers[:, _NUMBERS], np.int64)


def _cohort(row: Mapping[str, Any]) -> Cohort | None:
    size = row.get("cohort_size")
    return None if size is None else Cohort(_number(row, "cohort_mean"), _number(row, "cohort_spread"), int(size))


def _number(row: Mapping[str, Any], name: str) -> float:
    value = row.get(name)
    return math.nan if value is None else float(value)
