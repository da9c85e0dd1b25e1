"""Verdicts on a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from cxrgate.cli.console import wide_console
from cxrgate.cli.plain import plain
from cxrgate.core import Decision, Policy
from cxrgate.core.spaces import MATCHES
from cxrgate.filter.verdict import Nearest, Verdict
from cxrgate.run.nearness import nearest, nearness

SHOWN = 20
_WORDS = {
    **MATCHES,
    "ATYPICAL": "not like the real images: noise, inverted or another view",
    "STRANGER": "no frontal chest radiograph",
    "SCORE_INVALID": "the models gave impossible numbers",
}
_NARROWEST = 140
"""Columns, where the output is a file: a row of the table."""


def as_mapping(verdicts: Sequence[Verdict], policy: Policy, against: str) -> dict[str, Any]:
    """Everything, for JSON."""
    counts = {decision.value: sum(item.decision is decision for item in verdicts) for decision in Decision}
    return {
        "against": against,
        "references": policy.references,
        "counts": counts,
        "promise": None if policy.promise is None else str(policy.promise),
        "policy": policy.to_json(),
        "images": [_image(verdict) for verdict in verdicts],
        "nearest_to_a_threshold": [item.image_id for item in nearest_released(verdicts, policy)],
    }


def _image(verdict: Verdict) -> dict[str, Any]:
    told = asdict(verdict)
    for name in ("png", "preview"):
        del told[name]
    if verdict.nearest is not None:
        told["nearest"]["path"] = _name(verdict.nearest)
    return {"released": verdict.released, **told}


def nearest_released(verdicts: Sequence[Verdict], policy: Policy) -> list[Verdict]:
    """The released images that are nearest to a threshold, see run.nearness."""
    if not verdicts:
        return []
    identity = np.array([_deciding(verdict, policy) for verdict in verdicts])
    similar = {
        space.name: np.array([_number(verdict.similarities.get(space.similarity)) for verdict in verdicts])
        for space in policy.searched
    }
    released = np.array([verdict.released for verdict in verdicts])
    return [verdicts[int(place)] for place in nearest(nearness(policy, identity, similar), released)]


def show(verdicts: Sequence[Verdict], policy: Policy) -> None:
    """What was decided: counts, the images that may not go out, and the ten released ones nearest to a threshold."""
    console = wide_console(_NARROWEST)
    held = [verdict for verdict in verdicts if not verdict.released]
    near = nearest_released(verdicts, policy)
    table = _table(policy)
    for verdict in (*held[:SHOWN], *near):
        table.add_row(*_row(verdict, policy))
    if len(held) > SHOWN:
        console.print(f"{len(held) - SHOWN} more may not be released; --json tells all")
    console.print(table)
    counts = ", ".join(f"{sum(item.decision is kind for item in verdicts):,} {kind}" for kind in Decision)
    sets = f"{_counted(len(verdicts), 'image')} against {_counted(policy.references, 'reference')}"
    console.print(f"{sets}: {counts}.", highlight=False)
    if near:
        console.print("Of those that may be released, the table has the ones nearest to a threshold.", highlight=False)
    promise = policy.promise or "nothing is promised of patients who are not enrolled"
    console.print(f"False flags: {promise}.", highlight=False, soft_wrap=True)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun if count == 1 else f'{noun}s'}"


def _table(policy: Policy) -> Table:
    name = "score" if policy.standout is None else "standout"
    titles = [f"{name} ({policy.identity_threshold:.2f})"]
    titles += [f"{space.match} ({policy.threshold(space):.2f})" for space in policy.searched]
    titles += [f"matches ({policy.match_threshold})"] if policy.match_threshold is not None else []
    table = Table("image", "may be released", *titles, "nearest real image")
    for column in table.columns:
        column.overflow = "fold"
    return table


def _row(verdict: Verdict, policy: Policy) -> list[str]:
    numbers = [_deciding(verdict, policy)]
    numbers += [_number(verdict.similarities.get(space.similarity)) for space in policy.searched]
    told = ["-" if np.isnan(number) else f"{number:.3f}" for number in numbers]
    if policy.match_threshold is not None:
        told.append("-" if verdict.matches is None else str(verdict.matches))
    nearest_name = "" if verdict.nearest is None else plain(_name(verdict.nearest))
    return [plain(verdict.image_id), _answer(verdict), *told, nearest_name]


def _answer(verdict: Verdict) -> str:
    if verdict.released:
        return "yes, borderline" if verdict.borderline else "yes"
    if verdict.decision is Decision.NOT_ANONYMOUS:
        return "no: " + _words(verdict)
    return "no answer: " + (verdict.message or _words(verdict))


def _words(verdict: Verdict) -> str:
    return ", ".join(_WORDS.get(reason, reason) for reason in verdict.reasons)


def _name(found: Nearest) -> str:
    return found.reference_id if found.path is None else str(_short(found.path))


def _short(path: Path) -> Path:
    """From here, where that is below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _deciding(verdict: Verdict, policy: Policy) -> float:
    return _number(verdict.score if policy.standout is None else verdict.standout)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
