"""`cxrgate decide`: what other thresholds would have said of a finished run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxrgate.cli.as_json import AsJson
from cxrgate.cli.bars import say
from cxrgate.cli.errors import errors_as_messages
from cxrgate.cli.plain import plain
from cxrgate.core import Decision

if TYPE_CHECKING:
    import pandas as pd

    from cxrgate.core import Policy

_SHOWN = 20


def decide(
    output: Annotated[Path, typer.Argument(help="Output folder of a finished run.")],
    score: Annotated[
        float | None, typer.Option(min=0, max=1, help="Same-patient score from which an image is removed.")
    ] = None,
    standout: Annotated[
        float | None, typer.Option(min=0, max=1, help="Standout from which it is, in place of the score.")
    ] = None,
    copy: Annotated[float | None, typer.Option(min=0, max=1, help="Copy similarity from which it is.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what other thresholds would have done in a run, from its records. Nothing is computed, released or changed.

    Exit codes: 0 it is shown, 2 wrong usage.
    """
    with errors_as_messages("gate"):
        from cxrgate.run.other_thresholds import decided_by, with_thresholds
        from cxrgate.run.paths import Paths
        from cxrgate.run.recorded import read_results

        results = read_results(Paths(output).results)
        named = {"score_threshold": score, "standout_threshold": standout, "copy_threshold": copy}
        chosen = {name: value for name, value in named.items() if value is not None}
        policy = with_thresholds(results.policy, chosen)
        then = decided_by(results, policy)
    if as_json:
        typer.echo(json.dumps(_as_mapping(results.images, then, policy), indent=1))
        return
    _show(results.images, then, results.policy, policy)
    asked = ", ".join(f"{name}: {value:g}" for name, value in chosen.items())
    say(f"Nothing was released. `policy: {{{asked}}}` in the configuration and another `output` make it a run.")


def _as_mapping(now: pd.DataFrame, then: pd.DataFrame, policy: Policy) -> dict[str, Any]:
    rows = zip(now["image_id"], now["decision"], then["decision"], then["reasons"], then["borderline"], strict=True)
    names = ("image_id", "decision", "would_be", "reasons", "borderline")
    images = [dict(zip(names, row, strict=True)) for row in rows]
    return {"policy": policy.to_json(), "images": images}


def _show(now: pd.DataFrame, then: pd.DataFrame, was: Policy, policy: Policy) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("decision", f"run ({_thresholds(was)})", f"would be ({_thresholds(policy)})")
    for decision in Decision:
        table.add_row(
            decision.value, *(str(int((images["decision"] == decision.value).sum())) for images in (now, then))
        )
    console.print(table)
    passes = now["decision"] == Decision.ANONYMOUS.value, then["decision"] == Decision.ANONYMOUS.value
    for told, chosen in (
        ("would be released and is not", ~passes[0] & passes[1]),
        ("is released and would not be", passes[0] & ~passes[1]),
    ):
        names = [plain(str(name)) for name in now.loc[chosen, "image_id"]]
        for name in names[:_SHOWN]:
            console.print(f"  {told}: {name}", markup=False, highlight=False, soft_wrap=True)
        if len(names) > _SHOWN:
            console.print(f"  {told}: {len(names) - _SHOWN} more; --json tells all", highlight=False)
    if (passes[0] == passes[1]).all():
        console.print("  no image would change sides", highlight=False)


def _thresholds(policy: Policy) -> str:
    name = "score" if policy.standout is None else "standout"
    told = [f"{name} {policy.identity_threshold:.3g}"]
    told += [f"{space.match} {policy.threshold(space):.3g}" for space in policy.searched]
    return ", ".join([*told, *([] if policy.match_threshold is None else [f"matches {policy.match_threshold}"])])
