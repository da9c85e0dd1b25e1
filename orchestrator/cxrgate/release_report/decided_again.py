"""Decisions made again from recorded numbers, by the recorded rule: nobody has to take a decision on trust."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxrgate.core.spaces import SIMILARITIES
from cxrgate.core.standout import Cohort
from cxrgate.release_report.changes import Change, differences
from cxrgate.release_report.records import Records
from cxrgate.release_report.rule import decide

_LOST, _UNANSWERED = "SCORE_INVALID", "INDETERMINATE"
_NUMBERS = ["distance", *SIMILARITIES, "score"]
_MATCHES = "matches"
_COHORT = ("cohort_mean", "cohort_spread", "cohort_size")


def decide_again(cases: pd.DataFrame, policy: Mapping[str, Any]) -> pd.DataFrame:
    """The cases as this policy decides on their recorded numbers; what had no answer keeps its reasons.

    Args:
        cases: of an audit. They hold the largest score and similarities of each, and distance and score of the
            candidate that stands out most, with its cohort: what decides.
        policy: as run.json holds it, with any thresholds, over the same models.
    """
    one = {**policy, "candidates": 1}
    lost = (cases["failed"].astype(bool) | cases["reasons"].str.contains(_LOST)).to_numpy(bool)
    by_standout = policy.get("standout_threshold") is not None
    deciding = {"distance": cases["near_distance"], "score": cases["near_score"]} if by_standout else {"distance": 0.0}
    numbers = cases.assign(**deciding).reindex(columns=_NUMBERS, fill_value=0.0).to_numpy(np.float64)
    decided = [
        (_UNANSWERED, row["reasons"]) if is_lost else _told(one, number[None], row)
        for is_lost, number, row in zip(lost, numbers, cases.to_dict("records"), strict=True)
    ]
    return cases.assign(decision=[decision for decision, _ in decided], reasons=[reasons for _, reasons in decided])


def changed_decisions(records: Records) -> Iterator[Change]:
    """Rows of a run's results that do not follow from its policy and the numbers that it recorded.

    Held against the evidence are the decision, its reasons, whether it is borderline, and the largest score and
    similarities. An image that failed in a stage is INDETERMINATE.
    """
    answered = records.images["stage"] == ""
    evidence = _evidence(records, [str(name) for name in records.images.loc[answered, "image_id"]])
    for row in records.images.to_dict("records"):
        part = f"results, {row['image_id']}"
        if row["stage"]:
            yield from differences(_UNANSWERED, row["decision"], f"{part} > decision")
        elif row["image_id"] not in evidence:
            yield Change(part, "has no evidence of its decision")
        else:
            expected = _row(records.policy, evidence[row["image_id"]], row)
            yield from differences(expected, {name: _plain(row[name]) for name in expected}, part)


def _evidence(records: Records, images: Sequence[str]) -> dict[Hashable, NDArray[np.float64]]:
    """Per image its candidates' numbers, float64[m, n] in _NUMBERS' order, and behind them matches.

    Zeros stand in a space that was not recorded, NaN for matches that nobody counted.
    """
    if not images:
        return {}
    table = records.evidence(images)
    matches = table.reindex(columns=[_MATCHES]).to_numpy(np.float64)
    numbers = np.hstack([table.reindex(columns=_NUMBERS, fill_value=0.0).to_numpy(np.float64), matches])
    return {image: numbers[places] for image, places in table.groupby("image_id").indices.items()}


def _told(policy: Mapping[str, Any], numbers: NDArray[np.float64], row: Mapping[Hashable, Any]) -> tuple[str, str]:
    most = _counted(np.array([row.get(_MATCHES, math.nan)], np.float64))
    decided = decide(policy, numbers, row["typicality"], row["frontality"], _cohort(row), most)
    return decided.decision, decided.reasons


def _row(policy: Mapping[str, Any], numbers: NDArray[np.float64], row: Mapping[Hashable, Any]) -> dict[str, Any]:
    """What results.parquet should say of an image, of whose row typicality, frontality and cohort are taken."""
    *others, matches = numbers.T
    typicality, frontality = row["typicality"], row["frontality"]
    decided = decide(policy, np.stack(others, axis=1), typicality, frontality, _cohort(row), _counted(matches))
    known = {"decision": decided.decision, "reasons": decided.reasons, "borderline": decided.borderline}
    found = {"score": decided.score, **decided.similarities, "standout": decided.standout, _MATCHES: decided.matches}
    return {**known, **{name: _plain(value) for name, value in found.items() if name in row}}


def _counted(matches: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """None where nobody counted them."""
    return None if np.isnan(matches).any() else matches.astype(np.int64)


def _cohort(row: Mapping[Hashable, Any]) -> Cohort | None:
    """None where the results are older than the cohort, or the image's search did not say."""
    mean, spread, size = (float(row.get(name, math.nan)) for name in _COHORT)
    return None if math.isnan(size) else Cohort(mean, spread, int(size))


def _plain(value: Any) -> Any:
    """None stands for what is no number, as in the journal."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
