"""Scores as a table and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from cxrgate.train.scoring.figures import Figure
from cxrgate.train.scoring.models import Scores

_TITLES = {
    "auc": "AUC",
    "tpr_at_fpr_1pct": "TPR at FPR 1 %",
    "tpr_at_fpr_0.1pct": "TPR at FPR 0.1 %",
    "p_at_1": "P@1",
    "map_at_r": "mAP@R",
    "r_precision": "R-precision",
}


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


def show(scores: Scores, console: Console) -> None:
    """Print the scores as a table."""
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
