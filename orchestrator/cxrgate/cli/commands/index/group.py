"""`cxrgate index`: build, look at and verify snapshots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxrgate.cli.bars import bars
from cxrgate.cli.commands.index.build import build
from cxrgate.cli.commands.index.change import activate, withdraw
from cxrgate.cli.commands.index.measured import measured_of
from cxrgate.cli.commands.index.update import update
from cxrgate.cli.errors import errors_as_messages
from cxrgate.cli.options import Models, StorageKey, models_folder
from cxrgate.core import MismatchError, UsageError
from cxrgate.gate.config import ModelFolders, read_config
from cxrgate.index import Snapshot, create_key, read_storage_key
from cxrgate.index.manifest import PartName, read_manifest
from cxrgate.index.self_measurement import described
from cxrgate.models.dtypes import DtypeChoice

if TYPE_CHECKING:
    from cxrgate.gate.local import LocalModels

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Build, look at and verify snapshots of the real images."
)
app.command()(build)
app.command()(update)
app.command()(withdraw)
app.command()(activate)


@app.command()
def info(
    snapshot: Annotated[Path, typer.Argument(help="Snapshot folder.")],
    page: Annotated[Path | None, typer.Option(help="HTML page to write, with the curve of the two rates.")] = None,
) -> None:
    """Print a snapshot's manifest as JSON; `measured` says in sentences what it measured of itself."""
    with errors_as_messages("gate"):
        manifest = read_manifest(snapshot)
        if page is not None:
            from cxrgate.index.measuring.fit import DEFAULT_RATE
            from cxrgate.run_page.snapshot_page import write_snapshot_page

            write_snapshot_page(manifest, DEFAULT_RATE, page)
        content = {**described(manifest), "measured": measured_of(manifest)}
        typer.echo(json.dumps(content, indent=2))


@app.command()
def measure(
    snapshot: Annotated[Path, typer.Argument(help="Snapshot folder; it stays as it is.")],
    output: Annotated[Path, typer.Option(help="Folder of the new snapshot; must not exist.")],
    models: Models = None,
    storage_key: StorageKey = None,
) -> None:
    """Write a snapshot again with what it measures of itself; it needs no images. Certificates have to be made again.

    For snapshots of version 0.1. Patients that the models were trained on are not known here and take part.
    """
    with errors_as_messages("gate"):
        from cxrgate.gate.dtypes import DtypeRule
        from cxrgate.gate.local import local_models

        folders = ModelFolders.of(models_folder(models))
        with local_models(folders, "cpu", DtypeRule(DtypeChoice.AUTO, snapshot)) as loaded:
            made = _measured(snapshot, output, loaded, storage_key)
        typer.echo(f"{made.manifest.digest} in {output}")
        for sentence in measured_of(made.manifest):
            typer.echo(sentence)


def _measured(snapshot: Path, output: Path, loaded: LocalModels, storage_key: Path | None) -> Snapshot:
    from cxrgate.gate.binding import SnapshotFacts
    from cxrgate.index.changes import with_parts
    from cxrgate.index.keypoint_rows import with_rows
    from cxrgate.index.measuring.measure import measured, measured_again

    base = Snapshot.open(snapshot, None if storage_key is None else read_storage_key(storage_key))
    base.verify()
    if SnapshotFacts.of(base.manifest).built_with != loaded.digests:
        raise MismatchError(f"{snapshot} was made with other models: name their store by --models")
    arrays = with_rows(base.arrays, base.parts)
    known = PartName.MEASUREMENT in base.parts
    again = measured_again(base, terms=loaded.terms) if known else measured(loaded.terms)
    return with_parts(base, output, again(arrays))


@app.command()
def verify(
    snapshot: Annotated[Path, typer.Argument(help="Snapshot folder; with --images a run's configuration.")],
    images: Annotated[
        bool, typer.Option("--images", help="Compare the pixels of every listed image with what was enrolled, too.")
    ] = False,
    storage_key: StorageKey = None,
) -> None:
    """Read every byte of a snapshot and compare it with the manifest's digests.

    With --images SNAPSHOT is the YAML file of a run whose `enrol` says what was listed.
    """
    with errors_as_messages("gate"):
        if not images:
            if snapshot.is_file():
                raise UsageError(f"{snapshot} is a file: name a snapshot's folder, or add --images for a configuration")
            Snapshot.open(snapshot, None if storage_key is None else read_storage_key(storage_key)).verify()
            typer.echo("every array is what the manifest names")
            return
        config = read_config(snapshot)
        from cxrgate.run.held import verify_images

        with bars() as progress:
            held = verify_images(config, progress)
        typer.echo(f"every array is what the manifest names; {held.sentence}, {held.decoded} compared by their pixels")


@app.command("key")
def make_key(path: Annotated[Path, typer.Argument(help="File to write; must not exist.")]) -> None:
    """Write a new random HMAC key, readable by its owner only."""
    with errors_as_messages():
        create_key(path)
