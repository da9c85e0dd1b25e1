"""What an audit's cases say, per leak class and strength. `missed` says what is missed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from cxrgate.core import Decision
from cxrgate.core.spaces import REASONS
from cxrgate.planted.bounds import lower_bound
from cxrgate.planted.cases import CaseKind
from cxrgate.planted.missed import counted, missed

RISK = 0.05
"""Of each bound by itself: one-sided, 95 %."""
ANY = "any"
"""The row of a class: a patient counts as caught where none of the patient's cases is missed."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share of patients with its one-sided 95 % lower bound (Clopper and Pearson); None where there are none."""

    n: int
    recall: float | None
    lower_95: float | None

    @classmethod
    def of(cls, hits: pd.Series) -> Share:
        """Of a truth value per patient."""
        count, found = len(hits), int(hits.sum())
        return cls(count, found / count, lower_bound(found, count, RISK)) if count else cls(0, None, None)


@dataclass(frozen=True, slots=True)
class Row:
    """One class at one strength (or at ANY): the share of patients of whom nothing is released.

    `refused`: patients of whom a case was refused by the gate as an image. `missed_search`: patients who were not among
    the candidates of one or more cases. `missed`: by name of the space patients with a case that this space alone does
    not flag; one of them is enough to stop a release.
    """

    leak_class: str
    strength: str
    share: Share
    refused: int
    missed_search: int
    missed: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """For audit.json: `missed_identity`, `missed_copy`."""
        row = asdict(self)
        missed_by = row.pop("missed")
        return {**row, **{f"missed_{space}": count for space, count in missed_by.items()}}

    def expected(self, release: int, leaks: float) -> tuple[float, float] | None:
        """Leaks in a release of so many images before filtering, of which a share are leaks; and at most (95 %).

        N * pi * beta: images times the share of leaks among them times the share that passes.
        """
        if self.share.recall is None or self.share.lower_95 is None:
            return None
        return release * leaks * (1 - self.share.recall), release * leaks * (1 - self.share.lower_95)


def leak_rows(cases: pd.DataFrame) -> Iterator[Row]:
    """A row per class, then one per strength of it where there are several; both in order of appearance."""
    leaks = cases[cases["kind"] == CaseKind.LEAK]
    for leak_class, group in leaks.groupby("leak_class", sort=False):
        yield _row(str(leak_class), ANY, group)
        strengths = [(str(strength), part) for strength, part in group.groupby("strength", sort=False)]
        if len(strengths) > 1:
            yield from (_row(str(leak_class), strength, part) for strength, part in strengths)


def _row(leak_class: str, strength: str, cases: pd.DataFrame) -> Row:
    refused = int(cases.loc[cases["refused"], "patient"].nunique())
    cases = counted(cases)
    answered = ~cases["failed"].astype(bool)
    facts = pd.DataFrame(
        {
            "patient": cases["patient"],
            "stopped": ~missed(cases),
            "search": answered & ~cases["found"].astype(bool),
            **{space: answered & ~cases["reasons"].str.contains(reason) for space, reason in REASONS.items()},
        }
    )
    whether = {"stopped": "all", "search": "any", **dict.fromkeys(REASONS, "any")}
    patients = facts.groupby("patient").agg(whether)
    missed_by = {space: int(patients[space].sum()) for space in REASONS}
    return Row(leak_class, strength, Share.of(patients["stopped"]), refused, int(patients["search"].sum()), missed_by)


def specificity(cases: pd.DataFrame) -> Share:
    """The share of patients who are not enrolled that is released: flagged by either question, or no answer, is not."""
    return Share.of(cases[cases["kind"] == CaseKind.UNENROLLED]["decision"] == Decision.ANONYMOUS)


def out_of_distribution(cases: pd.DataFrame) -> dict[str, Any]:
    """How many outliers there are, and the share that gets no answer: of them, and of real frontal radiographs."""
    lost = cases["decision"] == Decision.INDETERMINATE
    outliers, unenrolled = lost[cases["kind"] == CaseKind.OUTLIER], lost[cases["kind"] == CaseKind.UNENROLLED]
    return {
        "n": len(outliers),
        "indeterminate": float(outliers.mean()) if len(outliers) else None,
        "false_indeterminate": float(unenrolled.mean()) if len(unenrolled) else None,
    }


def summary(cases: pd.DataFrame) -> dict[str, Any]:
    """What the last line printed holds: plain numbers, None where there is nothing to measure."""
    return {
        "specificity": specificity(cases).recall,
        "classes": {row.leak_class: asdict(row.share) for row in leak_rows(cases) if row.strength == ANY},
        "out_of_distribution": out_of_distribution(cases),
    }
