"""`cxrgate audit`: how many planted leaks of which kind would pass."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from cxrgate.cli.bars import bars
from cxrgate.cli.console import wide_console
from cxrgate.cli.errors import errors_as_messages
from cxrgate.cli.options import Device, Models, models_folder
from cxrgate.cli.scores import thresholds_line

if TYPE_CHECKING:
    from cxrgate.audit.audit import Audit
    from cxrgate.audit.parts import Parts

_NARROWEST = 130
"""Columns, where the output is a file: a row of the widest table."""


def audit(
    data: Annotated[
        Path, typer.Argument(help="Folder with manifest.csv: image, patient_id, source and, if there, split.")
    ],
    models: Models = None,
    output: Annotated[
        Path, typer.Option(help="Folder for cases.parquet, audit.json and the plots, audit.html.")
    ] = Path("out/audit"),
    release: Annotated[int, typer.Option(min=1, help="Images of a release, for the leaks expected in it.")] = 10_000,
    leaks: Annotated[float, typer.Option(min=0, max=1, help="Share of leaks among them before filtering.")] = 0.01,
    other_models: Annotated[
        list[Path] | None,
        typer.Option(help="A folder as --models, of another training seed: does it decide the same? May be repeated."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="Configuration whose `policy` decides in place of the default rule; nothing else in it is read."
        ),
    ] = None,
    device: Device = "cpu",
) -> None:
    """Plant leaks of known sources and say how many pass, per class and strength.

    The default rule decides, or the `policy` of --config, with the thresholds that the index measures for itself; with
    match_threshold the index keeps keypoints. Patients are enrolled, or not and tested on. Patients that a model saw,
    or that the listing has in train or tune, are enrolled and nothing else. A patient counts as caught at a strength
    where the image is not released, in a class where none of its strengths is. The last line printed is one JSON
    object.

    Exit codes: 0 the gate was measured, whatever came of it; 2 wrong usage.
    """
    console = wide_console(_NARROWEST)
    with errors_as_messages("audit"):
        from cxrgate.audit.audit import audit as measure
        from cxrgate.audit.parts import divide
        from cxrgate.evaluate.evaluation import read_manifests
        from cxrgate.gate.config import read_rule
        from cxrgate.planted.figures import summary
        from cxrgate.planted.listing import read_entries

        rule, store = None if config is None else read_rule(config), models_folder(models)
        manifests = read_manifests(store)
        others = other_models or []
        seen_by = [*manifests.values(), *(model for folder in others for model in read_manifests(folder).values())]
        parts = divide(read_entries(data), seen_by)
        console.print(told(parts), highlight=False)
        with tempfile.TemporaryDirectory(prefix="cxrgate-") as work, bars() as report:
            result = measure(store, parts, Path(work), device, report, others, rule)
        show(console, result, release, leaks)
        write(output, parts, result, {kind: manifest.digest for kind, manifest in manifests.items()})
        typer.echo(json.dumps(summary(result.cases)))


def told(parts: Parts) -> str:
    """Who is what."""
    return (
        f"Enrolled: {len(parts.enrolled)} images, also those of {parts.seen} patients whom a model saw. Leaks are "
        f"planted from {len(parts.sources)} other patients. Not enrolled: {len(parts.test)} patients."
    )


def show(console: Console, result: Audit, release: int, leaks: float) -> None:
    """Print the table."""
    from cxrgate.audit.axes import axes_table
    from cxrgate.audit.table import leak_table
    from cxrgate.growth.tables import growth_tables
    from cxrgate.planted.figures import leak_rows, specificity

    share, policy = specificity(result.cases), result.policy
    console.print(leak_table(leak_rows(result.cases), release, leaks))
    console.print(axes_table(result.axes, share))
    for table in growth_tables("The default rule", result.growth):
        console.print(table)
    console.print(
        f"Released of {share.n} patients who are not enrolled: {share.recall:.3f} (at least {share.lower_95:.3f}). "
        f"Thresholds of the rule: {thresholds_line(policy.to_json())}."
        + ("" if policy.promise is None else f" Promised: {policy.promise}."),
        highlight=False,
    )


def write(folder: Path, parts: Parts, result: Audit, models: Mapping[str, str]) -> None:
    """Write the cases, every figure with the digests of the models that were audited, and the page of plots."""
    from cxrgate.audit.page import write_page
    from cxrgate.growth.plain import plain
    from cxrgate.planted.figures import leak_rows, specificity, summary
    from cxrgate.storage import close_to_others, make_folder

    make_folder(folder)
    result.cases.to_parquet(folder / "cases.parquet", index=False)
    content: dict[str, Any] = {
        "models": dict(models),
        "parts": parts.counts,
        "snapshot": result.policy.snapshot,
        "rule": result.policy.to_json(),
        "standout": None if result.standout is None else result.standout.to_json(),
        "specificity": asdict(specificity(result.cases)),
        "axes": result.axes.to_json(),
        "leaks": [row.to_json() for row in leak_rows(result.cases)],
        "identity": plain(asdict(result.growth)),
        **{name: value for name, value in summary(result.cases).items() if name == "out_of_distribution"},
    }
    (folder / "audit.json").write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    write_page(result, folder / "audit.html")
    close_to_others(folder)
