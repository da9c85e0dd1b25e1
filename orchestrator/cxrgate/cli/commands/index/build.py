"""`cxrgate enrol` and `cxrgate index build`: enrol real images."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cxrgate.cli.bars import bars, say
from cxrgate.cli.commands.index.measured import measured_of
from cxrgate.cli.engines import AddressOption, EngineOption, RunEngine, open_engine
from cxrgate.cli.errors import errors_as_messages
from cxrgate.cli.options import (
    Column,
    Device,
    FloatRangeOption,
    LayoutOption,
    Models,
    StorageKey,
    Workers,
    columns_of,
    decode_workers,
    models_folder,
    rising,
)
from cxrgate.core.counted import counted
from cxrgate.gate.config import Enrol, ModelFolders
from cxrgate.index import ensure_key, read_storage_key
from cxrgate.models.dtypes import DtypeChoice

KEY, MAP = Path("private/key"), Path("private/map.csv")
"""As in a configuration."""


class Views(StrEnum):
    """Which views of a data set are enrolled."""

    FRONTAL = "frontal"
    ALL = "all"


def build(
    images: Annotated[Path, typer.Argument(help="CSV (image, patient_id), folder, or a data set's root.")],
    output: Annotated[Path, typer.Option(help="Folder of the new snapshot; must not exist.")] = Path("snapshot"),
    key: Annotated[
        Path, typer.Option(help="HMAC key of the opaque ids, made where there is none; keep it on this host.")
    ] = KEY,
    reference_map: Annotated[Path, typer.Option(help="CSV from opaque ids to files; keep it on this host.")] = MAP,
    models: Models = None,
    exclude: Annotated[Path | None, typer.Option(help="File of image names to leave out, one a line.")] = None,
    layout: LayoutOption = None,
    splits: Annotated[
        list[str] | None,
        typer.Option(help="A split of the data set, or all; again for more. Or MIMIC-CXR's table of splits (.csv)."),
    ] = None,
    views: Annotated[Views, typer.Option(help="all: lateral views too; no model ever saw any.")] = Views.FRONTAL,
    column: Column = None,
    every_image_is_a_patient: Annotated[
        bool, typer.Option("--every-image-is-a-patient", help="Images without a patient are each another patient's.")
    ] = False,
    float_range: FloatRangeOption = None,
    keypoints: Annotated[
        bool, typer.Option("--keypoints", help="Keep keypoints too, for policy.match_threshold: 39 KB an image more.")
    ] = False,
    workers: Workers = None,
    device: Device = "cpu",
    dtype: Annotated[
        DtypeChoice | None,
        typer.Option(help="What the models compute in [as their folders say]; the shipped curve is of float32 alone."),
    ] = None,
    storage_key: StorageKey = None,
    engine: EngineOption = RunEngine.LOCAL,
    address: AddressOption = None,
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
            float_range=rising(float_range),
        )
        storage = None if storage_key is None else read_storage_key(storage_key)
        ensure_key(key)
        from cxrgate.gate.dtypes import DtypeRule
        from cxrgate.gate.local import local_models
        from cxrgate.run.engines.engine import EmbedJob
        from cxrgate.run.enrol import enrol_listed
        from cxrgate.run.enrolment_list import list_enrolment
        from cxrgate.run.first_look import look_before_enrolment

        here = decode_workers(workers, device)
        with bars() as progress:
            listed = list_enrolment(settings, here, progress)
            for sentence in listed.sentences:
                say(sentence)
            look_before_enrolment(settings, listed, output, here, progress, say)
            job = EmbedJob(
                ModelFolders.of(models_folder(models)), device, DtypeRule(dtype), workers or "auto", keypoints
            )
            with open_engine(engine, address) as chosen, local_models(job.folders, device, job.dtypes) as loaded:
                snapshot = enrol_listed(
                    settings,
                    listed,
                    output,
                    loaded,
                    progress,
                    workers=here,
                    storage_key=storage,
                    embedding=None if chosen is None else chosen.embedding(job),
                    keypoints=keypoints,
                )
        made = snapshot.manifest
        typer.echo(f"{counted(made.references, 'reference')} of {counted(made.patients, 'patient')} in {output}")
        for sentence in measured_of(snapshot.manifest):
            typer.echo(sentence)
        say(f"Key and map are the way back to the patients: {key}, {reference_map}. Keep them on this host.")
        say(f"Next: cxrgate check PATH --against {output}")


def _splits(given: list[str]) -> Any:
    """As the configuration has it: nothing, one word, or names."""
    if not given:
        return None
    return given[0] if len(given) == 1 else given
