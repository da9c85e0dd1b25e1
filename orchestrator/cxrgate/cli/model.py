"""`cxrgate model`: import and look at models."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cxrgate.cli.errors import shown
from cxrgate.models import PRESETS, Kind, import_checkpoint, read_manifest

app = typer.Typer(no_args_is_help=True, help="Import published checkpoints and look at model folders.")


class Preset(StrEnum):
    """The keys of models.PRESETS."""

    PACKHAEUSER = "packhaeuser"
    ANONYMIZATION_PIPELINE = "anonymization-pipeline"
    CHEXGENBENCH = "chexgenbench"


@app.command("import")
def import_model(
    checkpoint: Annotated[Path, typer.Argument(help="PyTorch .pth file of a published network.")],
    kind: Annotated[Kind, typer.Option(help="Which network it is.")],
    output: Annotated[Path, typer.Option(help="Model folder to write.")],
    preset: Annotated[
        Preset, typer.Option(help="Whose preprocessing the checkpoint was made for.")
    ] = Preset.PACKHAEUSER,
) -> None:
    """Convert a checkpoint to safetensors and a manifest, every shape checked; nothing is unpickled blindly."""
    with shown():
        manifest = import_checkpoint(checkpoint, output, kind, PRESETS[preset][kind])
        typer.echo(f"{manifest.kind} model {manifest.digest} in {output}")


@app.command()
def info(folder: Annotated[Path, typer.Argument(help="Model folder.")]) -> None:
    """Check a model folder's digests and print its manifest as JSON."""
    with shown():
        manifest = read_manifest(folder)
        typer.echo(json.dumps({**manifest.to_json(), "digest": manifest.digest}, indent=2))
