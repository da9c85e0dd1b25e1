"""`cxrgate train score`: how well one model tells patients apart."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from cxrgate.cli.console import wide_console
from cxrgate.cli.errors import errors_as_messages
from cxrgate.core import UsageError
from cxrgate.train import Split, read_samples, without_sources
from cxrgate.train.scoring.figures import Figure
from cxrgate.train.scoring.models import Scores, score_model
from cxrgate.train.scoring.pair_file import read_pairs

_TITLES = {
    "auc": "AUC",
    "tpr_at_fpr_1pct": "TPR at FPR 1 %",
    "tpr_at_fpr_0.1pct": "TPR at FPR 0.1 %",
    "p_at_1": "P@1",
    "map_at_r": "mAP@R",
    "r_precision": "R-precision",
}
_NARROWEST = 180
"""Columns, where the output is no terminal: a row of six figures with their intervals."""


def score(
    model: Annotated[Path, typer.Argument(help="Model folder.")],
    listing: Annotated[
        Path, typer.Argument(help="CSV with image and patient_id and, if there, source and split (train, tune, test).")
    ],
    pairs: Annotated[
        Path | None,
        typer.Option(help="File of pairs to verify, lines of image, image and 1.0 or 0.0; default every pair."),
    ] = None,
    split: Annotated[Split | None, typer.Option(help="Score this part of the listing; default all of it.")] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="A source to leave out; may be given several times.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Print AUC, TPR at FPR 1 % and 0.1 %, P@1, mAP@R and R-precision with 95 % bootstrap intervals over patients.

    Galleries and pairs lie within a source; `all` pools them. Patients that the model saw in training (weights and
    thresholds) are left out and counted. Memory grows with the square of the images of a source: 1 GB at 8,000.
    """
    with errors_as_messages():
        samples = without_sources(read_samples(listing), without or [])
        chosen = [sample for sample in samples if split in (None, sample.split)]
        if not chosen:
            raise UsageError(f"expected images of the part {split} in {listing}, got none")
        named = None if pairs is None else read_pairs(pairs)
        with Progress(console=Console(stderr=True)) as bars:
            task = bars.add_task("embed", total=None)
            result = score_model(model, chosen, named, device, lambda count: bars.advance(task, count))
        if as_json:
            typer.echo(json.dumps(as_mapping(result), indent=2))
        else:
            _show(result)


def as_mapping(scores: Scores) -> dict[str, Any]:
    """The scores as JSON: a figure is value, low and high, null where there is nothing to measure."""
    figures = scores.figures
    return {
        "model": {"name": scores.manifest.name, "kind": scores.manifest.kind, "digest": scores.manifest.digest},
        "scored": {"images": scores.images, "patients": scores.patients, "pairs": scores.pairs},
        "left_out": {
            "images": scores.left_out_images,
            "patients": scores.left_out_patients,
            "pairs": scores.left_out_pairs,
        },
        "all": _numbers(figures.pooled),
        "sources": {name: _numbers(part) for name, part in figures.sources.items()},
    }


def _numbers(figures: Mapping[str, Figure]) -> dict[str, dict[str, float | None]]:
    return {
        name: {part: None if math.isnan(value) else value for part, value in asdict(figure).items()}
        for name, figure in figures.items()
    }


def _show(scores: Scores) -> None:
    console = wide_console(_NARROWEST)
    console.print(
        f"{scores.manifest.kind} model {scores.manifest.digest}\n"
        f"{scores.images} images of {scores.patients} patients, {scores.pairs} pairs. Left out because the model saw "
        f"the patient: {scores.left_out_images} images of {scores.left_out_patients} patients, "
        f"{scores.left_out_pairs} pairs of the file.",
        highlight=False,
    )
    table = Table("source", *_TITLES.values())
    # A listing without sources has one without a name: it is what is pooled.
    rows = {name: part for name, part in scores.figures.sources.items() if name} | {"all": scores.figures.pooled}
    for name, figures in rows.items():
        table.add_row(name, *(_cell(figures[key]) for key in _TITLES))
    console.print(table)


def _cell(figure: Figure) -> str:
    if math.isnan(figure.value):
        return "-"
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"
