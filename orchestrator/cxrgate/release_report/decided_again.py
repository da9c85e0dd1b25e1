"""Decisions made again from recorded numbers, by the policy itself: nobody has to take a recorded decision on trust."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxrgate.core import Candidates, Decision, Evidence, Policy, Verdict
from cxrgate.release_report.changes import Change, differences
from cxrgate.run.recorded import Results

_LOST = "SCORE_INVALID"
_NUMBERS = ["distance", "similarity", "score"]


def decide_again(cases: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """The cases as this policy decides on their recorded numbers; what had no answer keeps its reasons.

    Args:
        cases: see cases.check_cases. They hold the largest score and similarity of each, which are what decides.
        policy: with any thresholds, over the same models.
    """
    one = replace(policy, candidates=1)
    lost = (cases["failed"].astype(bool) | cases["reasons"].str.contains(_LOST)).to_numpy(bool)
    columns = (cases[name] for name in ("score", "similarity", "typicality", "frontality", "reasons"))
    decided = [
        (Decision.INDETERMINATE.value, reasons)
        if is_lost
        else _told(_decide(one, np.array([[0.0, similarity, score]]), typicality, frontality))
        for is_lost, score, similarity, typicality, frontality, reasons in zip(lost, *columns, strict=True)
    ]
    return cases.assign(decision=[decision for decision, _ in decided], reasons=[reasons for _, reasons in decided])


def changed_decisions(results: Results) -> Iterator[Change]:
    """Rows of a run's results that do not follow from its policy and the numbers that it recorded.

    Held against the evidence are the decision, its reasons, whether it is borderline, and the largest score and
    similarity. An image that failed in a stage is INDETERMINATE.
    """
    answered = results.images["stage"] == ""
    evidence = _evidence(results, [str(name) for name in results.images.loc[answered, "image_id"]])
    for row in results.images.to_dict("records"):
        part = f"results, {row['image_id']}"
        if row["stage"]:
            yield from differences(Decision.INDETERMINATE.value, row["decision"], f"{part} > decision")
        elif row["image_id"] not in evidence:
            yield Change(part, "expected the evidence of its decision, got none")
        else:
            verdict = _decide(results.policy, evidence[row["image_id"]], row["typicality"], row["frontality"])
            expected = _row(verdict)
            yield from differences(expected, {name: _plain(row[name]) for name in expected}, part)


def _evidence(results: Results, images: Sequence[str]) -> dict[Hashable, NDArray[np.float64]]:
    """Per image its candidates' numbers, float64[m, 3] in _NUMBERS' order."""
    if not images:
        return {}
    table = results.evidence(images)
    numbers = table[_NUMBERS].to_numpy(np.float64)
    return {image: numbers[places] for image, places in table.groupby("image_id").indices.items()}


def _decide(policy: Policy, numbers: NDArray[np.float64], typicality: float, frontality: float) -> Verdict:
    """What the policy says of candidates whose distance, similarity and score are the columns of float64[m, 3]."""
    distances, similarities, scores = numbers.T
    names = ("",) * len(numbers)
    features = np.empty((len(numbers), 0), np.float32)
    found = Candidates("", names, names, distances, similarities, features, typicality, frontality)
    return policy.decide(Evidence(found, scores), "")


def _told(verdict: Verdict) -> tuple[str, str]:
    return verdict.decision.value, ";".join(verdict.reasons)


def _row(verdict: Verdict) -> dict[str, Any]:
    decision, reasons = _told(verdict)
    numbers = {"score": _plain(verdict.score), "similarity": _plain(verdict.similarity)}
    return {"decision": decision, "reasons": reasons, "borderline": verdict.borderline, **numbers}


def _plain(value: Any) -> Any:
    """None stands for what is no number, as in the journal."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
