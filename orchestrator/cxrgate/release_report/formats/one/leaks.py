"""What certificate and audit say of leaks, as rows; frozen, see formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxrgate.core import UsageError
from cxrgate.planted.bounds import lower_bound

ANY = "any"
"""The strength of a row of a whole class: a patient is missed where one of the strengths passes."""
RISK = 0.05
"""Of each bound of an audit by itself."""
CLASSES = (
    "identical",
    "re_encoded",
    "medium_copy",
    "strong_copy",
    "geometric",
    "intensity",
    "noise_blur",
    "local_edit",
    "blend",
    "elastic",
    "same_patient",
    "generated",
)
"""The order in which the worst patients are told of, class by class."""


@dataclass(frozen=True, slots=True)
class LeakRow:
    """A leak class at a strength: how many patients were missed, and at most which share passes.

    Attributes:
        leak_class: one of CLASSES.
        strength: within the class, or ANY.
        patients: each counts once.
        misses: patients of whom a leak was missed.
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
        raise UsageError("the certificate does not name what was certified and measured: calibrate again") from error


def audit_rows(cases: pd.DataFrame) -> Iterator[LeakRow]:
    """A row per class, then one per strength of it where there are several; both in order of appearance."""
    leaks = cases[cases["kind"] == "leak"]
    for leak_class, group in leaks.groupby("leak_class", sort=False):
        yield _row(str(leak_class), ANY, group)
        strengths = [(str(strength), part) for strength, part in group.groupby("strength", sort=False)]
        if len(strengths) > 1:
            yield from (_row(str(leak_class), strength, part) for strength, part in strengths)


def worst_patients(cases: pd.DataFrame, classes: Iterable[str] = CLASSES) -> list[dict[str, Any]]:
    """Per class the patient of whom most variants were released: a rate can be low and one patient still be lost.

    Rows with the class (ANY: all of them), its patients, how many have a released variant, and the most variants
    that were planted, and that were released, of one patient.
    """
    leaks = cases[cases["kind"] == "leak"]
    groups = [(name, leaks[leaks["leak_class"] == name]) for name in classes]
    return [_worst(name, group) for name, group in [*groups, (ANY, leaks)] if len(group)]


def _row(leak_class: str, strength: str, cases: pd.DataFrame) -> LeakRow:
    """Each patient counts once, by the worst case; refused images only where there are no others."""
    kept = cases[~cases["refused"].to_numpy(bool)]
    cases = kept if len(kept) else cases
    stopped = pd.Series(~_missed(cases)).groupby(cases["patient"].to_numpy()).all()
    patients, caught = len(stopped), int(stopped.sum())
    return LeakRow(leak_class, strength, patients, patients - caught, 1 - lower_bound(caught, patients, RISK), 1 - RISK)


def _missed(cases: pd.DataFrame) -> NDArray[np.bool_]:
    """Which leaks are released, or have no answer by an error of the gate; bool[n]."""
    released = (cases["decision"] == "ANONYMOUS").to_numpy(bool)
    failed = (cases["failed"] & ~cases["refused"]).to_numpy(bool)
    return np.asarray(released | failed | cases["reasons"].str.contains("SCORE_INVALID").to_numpy(bool))


def _worst(name: str, cases: pd.DataFrame) -> dict[str, Any]:
    released = pd.Series(_missed(cases)).groupby(cases["patient"].to_numpy())
    per_patient, planted = released.sum().to_numpy(), released.size().to_numpy()
    worst = int(per_patient.argmax())
    return {
        "leak_class": name,
        "patients": len(per_patient),
        "with_a_release": int((per_patient > 0).sum()),
        "most_released": int(per_patient[worst]),
        "of_planted": int(planted[worst]),
    }
