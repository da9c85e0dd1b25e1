"""What an audit asks beside leaks: consistency, membership inference, exhaustive verification."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd
from rich.table import Table

from cxrgate.audit.consistency import Agreement, agreement, repeated, unnoticed
from cxrgate.audit.exhaustive import Exhaustive
from cxrgate.audit.membership import Inference, infer
from cxrgate.planted.cases import BATCH, CaseKind, PlantedCase
from cxrgate.planted.classes.catalogue import SAME_PATIENT
from cxrgate.planted.figures import Share
from cxrgate.planted.harness import Harness
from cxrgate.planted.origins import LeakOrigin

OTHER_BATCH = 5
ORDER = f"reversed, in batches of {OTHER_BATCH}"
_MEMBERS = {"identical": "the enrolled image", SAME_PATIENT: "another radiograph"}


@dataclass(frozen=True, slots=True)
class Axes:
    """By name of the change, and by what the attacker holds; `exhaustive` of other radiographs of enrolled patients."""

    consistency: Mapping[str, Agreement] = field(repr=False)
    membership: Mapping[str, Inference] = field(repr=False)
    exhaustive: Exhaustive

    def to_json(self) -> dict[str, Any]:
        """For audit.json."""
        return {**asdict(self), "consistency": {name: found.to_json() for name, found in self.consistency.items()}}


async def measure_consistency(
    harness: Harness, origins: Sequence[LeakOrigin], others: Mapping[str, Harness]
) -> dict[str, Agreement]:
    """Ask about the same images again: in reverse and other batches, after each change that nobody sees, other gates.

    Args:
        harness: whose gate's decisions the others are compared with.
        origins: the images.
        others: gates with models of other training seeds, by name.
    """
    changes = unnoticed(origins)
    total = len(origins) * (2 + len(changes) + len(others))

    async def ask(asked: Harness, cases: Iterable[PlantedCase], batch: int = BATCH) -> pd.DataFrame:
        return await asked.ask("ask again", cases, total, batch)

    first = await ask(harness, repeated(origins))
    turned = await ask(harness, repeated(origins[::-1]), OTHER_BATCH)
    agreements = {ORDER: agreement(first, turned[::-1].reset_index(drop=True))}
    asked = [(name, harness, cases) for name, cases in changes.items()]
    asked += [(name, other, repeated(origins)) for name, other in others.items()]
    for name, asked_of, cases in asked:
        agreements[name] = agreement(first, await ask(asked_of, cases))
    return agreements


def infer_membership(cases: pd.DataFrame) -> dict[str, Inference]:
    """What verdicts tell somebody who holds an enrolled image, or another radiograph of an enrolled patient."""
    unenrolled = cases[cases["kind"] == CaseKind.UNENROLLED]
    members = {name: cases[cases["leak_class"] == leak_class] for leak_class, name in _MEMBERS.items()}
    return {name: infer(table, unenrolled) for name, table in members.items() if len(table)}


def axes_table(axes: Axes, specificity: Share) -> Table:
    """A row per question."""
    table = Table("question", "of", "answer", title="Beside leaks", title_justify="left")
    for name, found in axes.consistency.items():
        largest = " and ".join(f"{number:.1e}" for number in (found.score, *found.similarities.values()))
        share = f"{found.share.recall:.3f}, largest differences {largest}"
        table.add_row(f"same decision, {name}", f"{found.share.n} images", share)
    for name, inference in axes.membership.items():
        answer = f"TPR {inference.tpr:.3f} at FPR {inference.fpr:.3f}, {inference.tpr_at_fpr_1pct:.3f} at FPR 1 %"
        table.add_row(f"membership by verdict, {name}", f"{inference.members} and {specificity.n} patients", answer)
    found_by = axes.exhaustive
    table.add_row(
        "own patient at the threshold",
        f"{found_by.images} other radiographs",
        f"{found_by.by_candidates} among the candidates, {found_by.by_all} among all references "
        f"({found_by.others_by_all} by another patient)",
    )
    return table
