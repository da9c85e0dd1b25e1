"""What other thresholds would have said of a finished run: its recorded numbers, decided by the same rule."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxrgate.core import Candidates, Evidence, Policy, UsageError
from cxrgate.core.spaces import COSINE_SPACES, IDENTITY_THRESHOLD, STANDOUT_THRESHOLD
from cxrgate.core.standout import Cohort
from cxrgate.run.recorded import Results

_NO_FEATURES = 0


def with_thresholds(policy: Policy, thresholds: Mapping[str, float]) -> Policy:
    """The policy of a run with other thresholds. Which candidates were found does not depend on them.

    Args:
        policy: as it was recorded.
        thresholds: by their names in a policy, see core.spaces.CHOSEN. With a score_threshold the same-patient score
            decides in place of the standout; the others are those of what the run recorded.

    Raises:
        UsageError: none or both of score and standout with nothing else, a number out of (0, 1], or one that the run
            has no records for.
    """
    score, standout = thresholds.get(IDENTITY_THRESHOLD), thresholds.get(STANDOUT_THRESHOLD)
    if not thresholds:
        raise UsageError("no threshold to try is given: name one by --score, --standout or --copy")
    if score is not None and standout is not None:
        raise UsageError(
            "--score and --standout are both given, and one of them decides whether it is the same patient: give one"
        )
    if standout is not None and policy.standout is None:
        raise UsageError(
            "this run decided by the score and recorded no standout: try --score, or run by the default rule"
        )
    others = {space: thresholds[space.threshold] for space in COSINE_SPACES if space.threshold in thresholds}
    for space in others:
        if space not in policy.searched:
            raise UsageError(
                f"this run did not search the {space.name} space: no records to hold --{space.name} against"
            )
    changed: dict[str, Any] = {"promise": None, **{space.threshold: value for space, value in others.items()}}
    if score is not None:
        changed |= {"score_threshold": score, "standout_threshold": None, "standout": None}
    if standout is not None:
        changed["standout_threshold"] = standout
    for space, value in others.items():
        listed = getattr(policy, space.borderline)
        changed[space.borderline] = None if listed is None else min(listed, value)
    deciding = next((value for value in (score, standout) if value is not None), policy.identity_threshold)
    try:
        return replace(policy, **changed, borderline=min(policy.borderline, deciding))
    except ValueError as error:
        raise UsageError(f"these thresholds cannot be: {error}") from error


def decided_by(results: Results, policy: Policy) -> pd.DataFrame:
    """The images of a run with the decision, reasons and borderline that `policy` comes to.

    An image that failed in a stage stays as it is.
    """
    images = results.images
    answered = images[images["stage"] == ""]
    evidence = results.evidence([str(name) for name in answered["image_id"]]) if len(answered) else pd.DataFrame()
    found = dict(tuple(evidence.groupby("image_id", sort=False))) if len(evidence) else {}
    changed = images.copy()
    for place, row in zip(answered.index, answered.to_dict("records"), strict=True):
        if row["image_id"] not in found:
            raise UsageError(f"{results.folder} lacks the evidence of {row['image_id']}")
        verdict = policy.decide(_evidence(row, found[row["image_id"]]), str(row["pixel_digest"]))
        changed.loc[place, ["decision", "reasons", "borderline"]] = [
            verdict.decision.value,
            ";".join(verdict.reasons),
            verdict.borderline,
        ]
    return changed


def _evidence(row: Mapping[Hashable, Any], candidates: pd.DataFrame) -> Evidence:
    """As the gate had it, but for the stored features, which decide nothing."""
    frontality = float(row["frontality"])
    numbers = {name: candidates[name].to_numpy(np.float64) for name in ("distance", "score")}
    return Evidence(
        Candidates(
            str(row["image_id"]),
            tuple(candidates["reference_id"]),
            tuple(candidates["patient_key"]),
            numbers["distance"],
            {space.name: candidates[space.similarity].to_numpy(np.float64) for space in COSINE_SPACES},
            np.zeros((len(candidates), _NO_FEATURES), np.float32),
            float(row["typicality"]),
            None if math.isnan(frontality) else frontality,
            _cohort(row),
            recorded_matches(candidates),
        ),
        numbers["score"],
    )


def recorded_matches(candidates: pd.DataFrame) -> NDArray[np.int64] | None:
    """Of the rows of evidence of one image, int64[m]; None where the run did not count them."""
    if "matches" not in candidates or candidates["matches"].isna().any():
        return None
    return candidates["matches"].to_numpy(np.int64)


def _cohort(row: Mapping[Hashable, Any]) -> Cohort | None:
    size = float(row["cohort_size"])
    return None if math.isnan(size) else Cohort(float(row["cohort_mean"]), float(row["cohort_spread"]), int(size))
