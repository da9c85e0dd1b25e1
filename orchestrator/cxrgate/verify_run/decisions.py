"""Every decision made again from the numbers that the journal holds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.json_text import MALFORMED
from cxrgate.core.spaces import SIMILARITIES
from cxrgate.core.standout import Cohort
from cxrgate.release_report.rule import decide
from cxrgate.verify_run.journal import Batch
from cxrgate.verify_run.violation import Kind, Violation

_NUMBERS = 2 + len(SIMILARITIES)
"""Distance, similarities and score of a row of evidence; what follows are matches, in rows that have any."""
_UNANSWERED, _PASSED = "INDETERMINATE", "ANONYMOUS"
_INVALID = "SCORE_INVALID"
"""Of candidates of which one is named twice, so that another was not looked at."""


def changed_decisions(batch: Batch, policy: Mapping[str, Any]) -> Iterator[Violation]:
    """Rows whose decision, reasons or release do not follow from the batch's evidence.

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
        except MALFORMED as error:
            told = f"nothing follows from its numbers and the policy: {type(error).__name__}"
            yield Violation(Kind.DECISION_DIFFERS, row["image_id"], told)
            continue
        found = row["decision"], row["reasons"], bool(row["borderline"])
        if expected != found:
            told = f"the journal says {found}, its numbers say {expected}"
            yield Violation(Kind.DECISION_DIFFERS, row["image_id"], told)
        if bool(row["released_as"]) != (expected[0] == _PASSED):
            told = f"released as {row['released_as']!r}, and its numbers say {expected[0]}"
            yield Violation(Kind.RELEASED_UNPROVEN, row["image_id"], told)


def _expected(
    policy: Mapping[str, Any], row: Mapping[str, Any], evidence: Sequence[Sequence[float]], references: Sequence[str]
) -> tuple[str, str, bool]:
    """Decision, reasons and borderline; whatever failed in a stage, or has no evidence, has no answer."""
    if row["stage"] or not evidence:
        return _UNANSWERED, row["reasons"], False
    if len(set(references)) != len(references):
        return _UNANSWERED, _INVALID, False
    numbers = np.array(evidence)
    matches = _matches(numbers)
    told = (_number(row, "typicality"), _number(row, "frontality"))
    decided = decide(policy, numbers[:, :_NUMBERS], *told, _cohort(row), matches)
    return decided.decision, decided.reasons, bool(decided.borderline)


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
