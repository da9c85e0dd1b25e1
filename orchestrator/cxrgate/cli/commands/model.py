"""`cxrgate model`: import, look at, cast, measure, pack and export models."""

from __future__ import annotations

import asyncio
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cxrgate.cli.bars import say
from cxrgate.cli.errors import errors_as_messages
from cxrgate.cli.options import MODEL_FOLDERS, Column, Device, columns_of, models_folder
from cxrgate.core import UsageError
from cxrgate.gate.config import ModelFolders
from cxrgate.models import Dtype, ModelKind, read_manifest
from cxrgate.models.manifest import MANIFEST

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Import published checkpoints, look at model folders, cast them, pack or export them for model servers.",
)


class Preset(StrEnum):
    """The keys of presets.PRESETS."""

    PACKHAEUSER = "packhaeuser"
    ANONYMIZATION_PIPELINE = "anonymization-pipeline"
    CHEXGENBENCH = "chexgenbench"
    BAUSCH = "bausch"


@app.command("import")
def import_model(
    checkpoint: Annotated[Path, typer.Argument(help="PyTorch .pth file of a published network.")],
    kind: Annotated[ModelKind, typer.Option(help="Which network it is.")],
    output: Annotated[Path, typer.Option(help="Model folder to write.")],
    preset: Annotated[
        Preset, typer.Option(help="Whose preprocessing the checkpoint was made for.")
    ] = Preset.PACKHAEUSER,
) -> None:
    """Convert a checkpoint to safetensors and a manifest, every shape checked; nothing is unpickled blindly."""
    with errors_as_messages("torch"):
        from cxrgate.models.checkpoint import import_checkpoint, residual_embedder
        from cxrgate.models.presets import PRESETS, RESIDUAL_EMBEDDERS

        if kind not in PRESETS[preset]:
            raise UsageError(f"there is no published checkpoint of the kind {kind}: import retrieval or verification")
        architecture = residual_embedder if preset in RESIDUAL_EMBEDDERS else None
        manifest = import_checkpoint(checkpoint, output, kind, PRESETS[preset][kind], architecture)
        typer.echo(f"{manifest.kind} model {manifest.digest} in {output}")


@app.command()
def info(folder: Annotated[Path, typer.Argument(help="Model folder.")]) -> None:
    """Check a model folder's digests and print its manifest as JSON."""
    with errors_as_messages():
        manifest = read_manifest(folder)
        typer.echo(json.dumps({**manifest.to_json(), "digest": manifest.digest}, indent=2))


@app.command()
def cast(
    folder: Annotated[Path, typer.Argument(help="Model folder.")],
    dtype: Annotated[Dtype, typer.Option(help="What the new model computes in; the weights stay as they are.")],
    output: Annotated[Path, typer.Option(help="Model folder to write.")],
) -> None:
    """Make of a model another one that computes in 16 bits: to enrol with, to calibrate and to serve as itself."""
    with errors_as_messages("gate"):
        from cxrgate.models.cast import cast_model

        manifest = cast_model(folder, output, dtype)
        typer.echo(f"{manifest.kind} model {manifest.digest} in {output}")


@app.command()
def band(
    folder: Annotated[Path, typer.Argument(help="Model folder.")],
    listing: Annotated[Path, typer.Argument(help="CSV with the columns image and patient_id: 100 images or more.")],
    dtype: Annotated[Dtype, typer.Option(help="Whose band; measured against float32.")] = Dtype.BFLOAT16,
    column: Column = None,
    device: Device = "cpu",
) -> None:
    """Measure how far a dtype moves a model's numbers on images, and write that band into the model's manifest.

    `dtype: auto` of a run takes 16 bits only for models whose band was measured and is narrow.
    """
    with errors_as_messages("gate"):
        from cxrgate.models.band import certify_band
        from cxrgate.train import read_listed_images
        from cxrgate.train.pixels import decode_all

        certified = certify_band(
            folder, dtype, asyncio.run(decode_all(read_listed_images(listing, columns_of(column), say))), device
        )
        typer.echo(f"{certified.kind} model: {dtype} moves no number by more than {certified.bands[dtype]:g}")


@app.command()
def pack(
    store: Annotated[
        Path, typer.Argument(help=f"Folder of the model folders {MODEL_FOLDERS}, or `shipped`: those installed.")
    ],
    output: Annotated[Path, typer.Option(help="Folder to write what TorchServe loads into.")],
) -> None:
    """Pack the models of a store for `cxrgate serve models`, each with a known answer."""
    with errors_as_messages("gate"):
        from cxrgate.serving.pack import pack_model

        for folder in ModelFolders.of(models_folder(store)).paths.values():
            manifest = pack_model(folder, output)
            typer.echo(f"{manifest.kind} model {manifest.digest} in {output / manifest.kind}")


@app.command()
def export(
    model: Annotated[
        Path, typer.Argument(help=f"Model folder, a store with the folders {MODEL_FOLDERS}, or `shipped`.")
    ],
    output: Annotated[Path, typer.Option(help="Model repository to write to; other models in it stay.")],
) -> None:
    """Write a model repository (ONNX and configuration) for Triton and for OpenVINO Model Server.

    A gate asks such a server by `--models oip://HOST:PORT`; it takes no other model than that of its own folder.
    """
    with errors_as_messages("export"):
        store = models_folder(model)
        folders = [store] if (store / MANIFEST).is_file() else ModelFolders.of(store).paths.values()
        from cxrgate.serving.oip.repository import export_model

        for folder in folders:
            manifest = export_model(folder, output)
            typer.echo(f"{manifest.kind} model {manifest.digest} in {output / manifest.kind}")
