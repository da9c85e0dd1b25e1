"""`cxrgate train score`: how well one model tells patients apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from cxrgate.cli.as_json import AsJson
from cxrgate.cli.bars import say
from cxrgate.cli.console import wide_console
from cxrgate.cli.errors import errors_as_messages
from cxrgate.cli.options import Column, Device, columns_of
from cxrgate.core import UsageError
from cxrgate.train import Split, read_listed_images, without_sources

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
    column: Column = None,
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Print AUC, TPR at FPR 1 % and 0.1 %, P@1, mAP@R and R-precision with 95 % bootstrap intervals over patients.

    Galleries and pairs lie within a source; `all` pools them. Patients that the model saw in training (weights and
    thresholds) are left out and counted. Memory grows with the square of the images of a source: 1 GB at 8,000.
    """
    with errors_as_messages("gate"):
        listed_images = without_sources(read_listed_images(listing, columns_of(column), say), without or [])
        chosen = [listed_image for listed_image in listed_images if split in (None, listed_image.split)]
        if not chosen:
            raise UsageError(f"{listing} has no image of the split {split}: leave --split out, or name another")
        from cxrgate.train.scoring.models import score_model
        from cxrgate.train.scoring.pair_file import read_pairs
        from cxrgate.train.scoring.table import as_mapping, show

        named = None if pairs is None else read_pairs(pairs)
        with Progress(console=Console(stderr=True)) as bars:
            task = bars.add_task("embed", total=None)
            result = score_model(model, chosen, named, device, lambda count: bars.advance(task, count))
        if as_json:
            typer.echo(json.dumps(as_mapping(result), indent=2))
        else:
            show(result, wide_console(_NARROWEST))
