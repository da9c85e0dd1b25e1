"""What certificate and audit say of leaks, as rows of a release report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cxrgate.core import MismatchError, UsageError
from cxrgate.core.digest import file_digest
from cxrgate.planted.cases import CaseKind, read_cases
from cxrgate.planted.classes.catalogue import CLASSES
from cxrgate.planted.figures import ANY, RISK, Row, leak_rows
from cxrgate.planted.missed import missed
from cxrgate.release_report.decided_again import decide_again
from cxrgate.run.recorded import Results

CASES = "cases.parquet"
"""The recorded cases of an audit, beside its audit.json."""
_RULE = ("score_threshold", "copy_threshold", "minimum_typicality", "minimum_frontality")


@dataclass(frozen=True, slots=True)
class LeakRow:
    """A leak class at a strength: how many patients were missed, and at most which share passes.

    Attributes:
        leak_class: see leaks.CLASSES.
        strength: within the class; audit_figures.ANY: a patient is missed where one of the strengths passes.
        patients: each counts once.
        misses: patients of whom a leak was missed, see `missed`.
        at_most: upper bound on the share: what is promised, else that of Clopper and Pearson.
        confidence: of the bound: of all promised ones together, of each other one by itself.
        promised: the largest share that the certificate allows; None where nothing is promised.
    """

    leak_class: str
    strength: str
    patients: int
    misses: int
    at_most: float
    confidence: float
    promised: float | None = None


def certificate_rows(statement: Mapping[str, Any]) -> Iterator[LeakRow]:
    """The rows of a certificate: what is promised, then what was measured beside it.

    Raises:
        UsageError: the statement holds no findings.
    """
    try:
        together = statement["policy"]["confidence"]
        for finding in (*statement["certified"], *statement["measured"]):
            confidence = 1 - finding["risk"] if finding["rate"] is None else together
            yield LeakRow(
                finding["leak_class"],
                finding["strength"],
                finding["patients"],
                finding["misses"],
                # Thresholds were chosen on these counts: what holds of a promised pair is its rate, not their bound.
                finding["upper"] if finding["rate"] is None else finding["rate"],
                confidence,
                finding["rate"],
            )
    except (KeyError, TypeError) as error:
        raise UsageError("expected a certificate that names what was certified and measured") from error


def read_audit(path: Path, results: Results) -> dict[str, Any]:
    """What an audit says of a run's gate: its cases as the run's policy decides on their recorded scores.

    Args:
        path: audit.json, with the cases beside it.
        results: of the run.

    Raises:
        MismatchError: another gate was audited: other models, other numbers of candidates, or no copy space.
        UsageError: the files are none of an audit.
    """
    try:
        audit = json.loads(path.read_text(encoding="utf-8"))
        cases = read_cases(path.parent / CASES)
        _check_gate(audit, results)
        rule = {name: audit["rule"][name] for name in _RULE}
        about = {"snapshot": audit["snapshot"], "enrolled": audit["parts"]["enrolled"]}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"expected {path} and {CASES} of an audit") from error
    decided = decide_again(cases, results.policy)
    return {
        "files": {file.name: file_digest(file) for file in (path, path.parent / CASES)},
        **about,
        "thresholds": rule,
        "leaks": [asdict(row) for row in map(_leak_row, leak_rows(decided)) if row is not None],
        "worst_patients": worst_patients(decided),
    }


def _check_gate(audit: Mapping[str, Any], results: Results) -> None:
    rule = audit["rule"]
    models = {kind: model["digest"] for kind, model in results.run["models"].items()}
    found = {"models": audit["models"], "copies": rule["copy_threshold"] is not None, "candidates": rule["candidates"]}
    copies = results.policy.copy_threshold is not None
    expected = {"models": models, "copies": copies, "candidates": results.policy.candidates}
    differing = [name for name in expected if found[name] != expected[name]]
    if differing:
        raise MismatchError(f"expected an audit of this release's gate, another one's: {', '.join(differing)}")


def _leak_row(row: Row) -> LeakRow | None:
    share = row.share
    if share.recall is None or share.lower_95 is None:
        return None
    misses = share.n - round(share.recall * share.n)
    return LeakRow(row.leak_class, row.strength, share.n, misses, 1 - share.lower_95, 1 - RISK)


def worst_patients(cases: pd.DataFrame) -> list[dict[str, Any]]:
    """Per class the patient of whom most variants were released: a rate can be low and one patient still be lost.

    Rows with the class (ANY: all of them), its patients, how many have a released variant, and the most variants
    that were planted, and that were released, of one patient.
    """
    leaks = cases[cases["kind"] == CaseKind.LEAK]
    groups = [(name, leaks[leaks["leak_class"] == name]) for name in CLASSES]
    return [_worst(name, group) for name, group in [*groups, (ANY, leaks)] if len(group)]


def _worst(name: str, cases: pd.DataFrame) -> dict[str, Any]:
    released = pd.Series(missed(cases), cases.index).groupby(cases["patient"])
    per_patient, planted = released.sum().to_numpy(), released.size().to_numpy()
    worst = int(per_patient.argmax())
    return {
        "leak_class": name,
        "patients": len(per_patient),
        "with_a_release": int((per_patient > 0).sum()),
        "most_released": int(per_patient[worst]),
        "of_planted": int(planted[worst]),
    }
