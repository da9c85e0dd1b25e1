"""`cxrgate index`: build, look at and verify snapshots."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxrgate.cli.bars import bars, say
from cxrgate.cli.commands.index.change import activate, withdraw
from cxrgate.cli.commands.index.update import update
from cxrgate.cli.errors import errors_as_messages
from cxrgate.cli.options import Column, Models, columns_of, models_folder
from cxrgate.core import MismatchError, UsageError
from cxrgate.gate.config import Enrol, ModelFolders, read_config
from cxrgate.images import Layout
from cxrgate.index import Snapshot, create_key, read_key
from cxrgate.index.manifest import PartName, SnapshotManifest, read_manifest
from cxrgate.index.measurement_text import sentences
from cxrgate.index.self_measurement import read_measurement
from cxrgate.models.dtypes import DtypeChoice

if TYPE_CHECKING:
    from cxrgate.gate.local import LocalModels

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Build, look at and verify snapshots of the real images."
)
app.command()(update)
app.command()(withdraw)
app.command()(activate)


class Views(StrEnum):
    """Which views of a data set are enrolled."""

    FRONTAL = "frontal"
    ALL = "all"


StorageKey = Annotated[Path | None, typer.Option(help="Key that the snapshot is sealed with, made by `index key`.")]


@app.command()
def build(
    images: Annotated[Path, typer.Argument(help="CSV (image, patient_id), folder, or a data set's root.")],
    output: Annotated[Path, typer.Option(help="Folder of the new snapshot; must not exist.")],
    key: Annotated[Path, typer.Option(help="HMAC key of the opaque ids; made by `cxrgate index key`.")],
    reference_map: Annotated[Path, typer.Option(help="CSV from opaque ids to files; keep it on this host.")],
    models: Models = None,
    exclude: Annotated[Path | None, typer.Option(help="File of image names to leave out, one a line.")] = None,
    layout: Annotated[Layout | None, typer.Option(help="How to read it; told by its name when not given.")] = None,
    splits: Annotated[
        list[str] | None,
        typer.Option(help="A split of the data set, or all; again for more. Or MIMIC-CXR's table of splits (.csv)."),
    ] = None,
    views: Annotated[Views, typer.Option(help="all: lateral views too; no model ever saw any.")] = Views.FRONTAL,
    column: Column = None,
    every_image_is_a_patient: Annotated[
        bool, typer.Option("--every-image-is-a-patient", help="Images without a patient are each another patient's.")
    ] = False,
    float_range: Annotated[
        tuple[float, float] | None, typer.Option(help="What floats of .npy and .npz arrays call black and white.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Decode workers.")] = 1,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    dtype: Annotated[
        DtypeChoice | None, typer.Option(help="What the models compute in; without it as their folders say.")
    ] = None,
    storage_key: StorageKey = None,
) -> None:
    """Enrol every real image in a new snapshot. One unreadable image fails the build."""
    with errors_as_messages("gate"):
        settings = Enrol(
            images=images,
            key=key,
            reference_map=reference_map,
            exclude=exclude,
            layout=layout,
            splits=_splits(splits or []),
            views=views.value,
            columns=columns_of(column),
            every_image_is_a_patient=every_image_is_a_patient,
            float_range=_rising(float_range),
        )
        storage = None if storage_key is None else read_key(storage_key)
        from cxrgate.gate.dtypes import DtypeRule
        from cxrgate.gate.local import local_models
        from cxrgate.run.enrol import enrol_listed
        from cxrgate.run.enrolment_list import list_enrolment
        from cxrgate.run.first_look import look_before_enrolment

        with bars() as progress:
            listed = list_enrolment(settings, workers, progress)
            for sentence in listed.sentences:
                say(sentence)
            look_before_enrolment(settings, listed, output, workers, progress, say)
            with local_models(ModelFolders.of(models_folder(models)), device, DtypeRule(dtype)) as loaded:
                snapshot = enrol_listed(
                    settings, listed, output, loaded, progress, workers=workers, storage_key=storage
                )
        typer.echo(f"{snapshot.manifest.references} references of {snapshot.manifest.patients} patients in {output}")
        _tell(snapshot.manifest)


def _splits(given: list[str]) -> Any:
    """As the configuration has it: nothing, one word, or names."""
    if not given:
        return None
    return given[0] if len(given) == 1 else given


def _rising(given: tuple[float, float] | None) -> tuple[float, float] | None:
    if given is not None and not -math.inf < given[0] < given[1] < math.inf:
        raise UsageError(f"--float-range takes black, then white above it, as -1 1, and not {given[0]:g} {given[1]:g}")
    return given


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
        content = {**asdict(manifest), "digest": manifest.digest, "measured": _measured_of(manifest)}
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
        _tell(made.manifest)


def _measured(snapshot: Path, output: Path, loaded: LocalModels, storage_key: Path | None) -> Snapshot:
    from cxrgate.gate.binding import SnapshotFacts
    from cxrgate.index.changes import with_parts
    from cxrgate.index.measuring.measure import measured, measured_again

    base = Snapshot.open(snapshot, None if storage_key is None else read_key(storage_key))
    base.verify()
    if SnapshotFacts.of(base.manifest).built_with != loaded.digests:
        raise MismatchError(f"{snapshot} was made with other models: name their store by --models")
    arrays = dict(base.arrays)
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
            Snapshot.open(snapshot, None if storage_key is None else read_key(storage_key)).verify()
            typer.echo("every array is what the manifest names")
            return
        config = read_config(snapshot)
        from cxrgate.run.held import verify_images

        with bars() as progress:
            held = verify_images(config, progress)
        typer.echo(f"every array is what the manifest names; {held.sentence}, {held.decoded} compared by their pixels")


def _measured_of(manifest: SnapshotManifest) -> list[str]:
    measurement = read_measurement(manifest)
    if measurement is None:
        return ["The snapshot never measured itself: `cxrgate index measure` writes one that did."]
    return sentences(measurement)


def _tell(manifest: SnapshotManifest) -> None:
    for sentence in _measured_of(manifest):
        typer.echo(sentence)


@app.command("key")
def make_key(path: Annotated[Path, typer.Argument(help="File to write; must not exist.")]) -> None:
    """Write a new random HMAC key, readable by its owner only."""
    with errors_as_messages():
        create_key(path)
