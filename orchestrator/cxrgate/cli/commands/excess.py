"""`cxrgate excess`: what a generator has of its training patients beyond what chance gives."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from cxrgate.cli.as_json import AsJson
from cxrgate.cli.errors import errors_as_messages
from cxrgate.core import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from cxrgate.train.scoring.figures import Figure

_RESULTS = "results/results.parquet"


def excess_command(
    training: Annotated[Path, typer.Argument(help="Output of a run against the generator's training patients.")],
    control: Annotated[
        Path, typer.Argument(help="Output of a run on the same images against as many patients it never saw.")
    ],
    as_json: AsJson = False,
) -> None:
    """Compare the flags of two runs on the same images, against training patients and against a control index.

    Exit codes: 0 compared, whatever came of it; 2 wrong usage.
    """
    with errors_as_messages("gate"):
        from cxrgate.audit.excess import by_label, excess

        results = [_read(folder) for folder in (training, control)]
        found = excess(*results)
    if as_json:
        labels = {label: asdict(figure) for label, figure in by_label(results[0]).items()}
        typer.echo(json.dumps({**asdict(found), "training_by_class": labels}, indent=1))
        return
    table = Table("not released", "share (95 %)", title=f"{found.images:,} images", title_justify="left")
    for name in ("training", "control", "excess"):
        table.add_row(name, _cell(getattr(found, name)))
    for label, figure in by_label(results[0]).items():
        table.add_row(f"training, class {label or 'none'}", _cell(figure))
    Console().print(table)


def _read(folder: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_parquet(folder / _RESULTS, columns=["image_id", "label", "decision"])
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder} holds no {_RESULTS}: name the output folder of a run") from error


def _cell(figure: Figure) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"
