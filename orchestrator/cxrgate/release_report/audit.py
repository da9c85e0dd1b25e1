"""What an audit says of a run's gate, for a release report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cxrgate.core import MismatchError, UsageError
from cxrgate.core.digest import file_digest
from cxrgate.core.json_text import MALFORMED, parse_json
from cxrgate.core.spaces import COSINE_SPACES, SIMILARITIES, STANDOUT_THRESHOLD, THRESHOLDS
from cxrgate.release_report.decided_again import decide_again
from cxrgate.release_report.records import Records
from cxrgate.release_report.rule import FIRST
from cxrgate.storage.regular_file import read_regular_file

CASES = "cases.parquet"
"""The recorded cases of an audit, beside its audit.json."""
_RULE = (*THRESHOLDS, "minimum_typicality", "minimum_frontality")
_NEEDED = frozenset(
    {
        "patient",
        "kind",
        "leak_class",
        "strength",
        "reasons",
        "score",
        *SIMILARITIES,
        "typicality",
        "frontality",
        "failed",
        "refused",
    }
)

_STANDOUTS = frozenset({"near_distance", "near_score", "cohort_mean", "cohort_spread", "cohort_size"})
_WEIGHTS = ("identity", "verification", "usual")
"""What of a standout depends on the models alone."""

Told = Callable[[pd.DataFrame], Mapping[str, Any]]
"""What a format tells of decided cases: leaks and worst patients."""


def read_audit(path: Path, records: Records, told: Told) -> dict[str, Any]:
    """What an audit says of a run's gate: its cases as the run's policy decides on their recorded scores.

    Args:
        path: audit.json, with the cases beside it.
        records: of the run.
        told: of the report's format.

    Raises:
        MismatchError: another gate was audited: other models, other numbers of candidates, or no copy space; or its
            standouts say nothing of this release's.
        UsageError: the files are none of an audit.
    """
    try:
        audit = parse_json(read_regular_file(path))
        cases = pd.read_parquet(path.parent / CASES)
        if not _NEEDED.issubset(cases.columns):
            raise UsageError(f"{path.parent / CASES} lacks columns of an audit's recorded cases: audit anew")
        _check_gate(audit, records)
        _check_standouts(path, audit, cases, records)
        rule = {name: audit["rule"][name] for name in _RULE if name in audit["rule"] or name in FIRST}
        if audit["rule"].get(STANDOUT_THRESHOLD) is not None:
            rule[STANDOUT_THRESHOLD] = audit["rule"][STANDOUT_THRESHOLD]
        about = {"snapshot": audit["snapshot"], "enrolled": audit["parts"]["enrolled"]}
    except (OSError, *MALFORMED) as error:
        raise UsageError(f"{path}, or {CASES} beside it, is not what an audit writes: name its audit.json") from error
    files = {file.name: file_digest(file) for file in (path, path.parent / CASES)}
    return {"files": files, **about, "thresholds": rule, **told(decide_again(cases, records.policy))}


def _check_standouts(path: Path, audit: Mapping[str, Any], cases: pd.DataFrame, records: Records) -> None:
    """Whether standouts as this release's can be made of an audit's cases, and are no higher than they would be."""
    standout = records.policy.get("standout")
    if standout is None:
        return
    if not _STANDOUTS.issubset(cases.columns) or cases["near_distance"].isna().all():
        raise MismatchError(
            f"{path}: this release was decided by standouts, which an audit of an earlier version did not record: "
            "audit again, or leave the audit out"
        )
    weights = {name: (audit["standout"][name], standout[name]) for name in _WEIGHTS}
    if any(found != expected for found, expected in weights.values()):
        raise MismatchError(
            f"{path} is an audit whose standouts are made otherwise ({weights}): audit again with these models"
        )
    enrolled, references = audit["parts"]["enrolled"], records.policy["references"]
    if enrolled < references:
        raise MismatchError(
            f"{path} is an audit over {enrolled:,} references, fewer than this release's {references:,}: "
            "the more there are, the less a patient stands out, so that more leaks pass; audit over as many"
        )


def _spaces(rule: Mapping[str, Any]) -> list[str]:
    """The cosine spaces that a rule searches."""
    return [space.name for space in COSINE_SPACES if rule.get(space.threshold) is not None]


def _check_gate(audit: Mapping[str, Any], records: Records) -> None:
    rule = audit["rule"]
    models = {kind: model["digest"] for kind, model in records.run["models"].items()}
    found = {"models": audit["models"], "spaces": _spaces(rule), "candidates": rule["candidates"]}
    expected = {"models": models, "spaces": _spaces(records.policy), "candidates": records.policy["candidates"]}
    differing = [name for name in expected if found[name] != expected[name]]
    if differing:
        raise MismatchError(
            f"the audit is of another gate than this release's, it differs in {', '.join(differing)}: audit this one"
        )
