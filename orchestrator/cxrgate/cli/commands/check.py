"""`cxrgate check`: what the filter says of images, without a configuration and without a released set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxrgate.cli.as_json import AsJson
from cxrgate.cli.bars import bars, say
from cxrgate.cli.errors import Exit, errors_as_messages
from cxrgate.cli.given_files import given_files
from cxrgate.cli.options import (
    Column,
    Device,
    Exclude,
    FalseFlags,
    FloatRangeOption,
    LayoutOption,
    Models,
    StorageKey,
    Workers,
    columns_of,
    models_folder,
    rising,
)
from cxrgate.core import Decision

if TYPE_CHECKING:
    from cxrgate.filter import Verdicts

_THEN = "what was enrolled is kept, the check begins anew"


def check(
    paths: Annotated[list[Path], typer.Argument(help="Images, folders of images, lists (column image), .npy, .npz.")],
    against: Annotated[
        Path,
        typer.Option(help="Real images: a folder, a list (image, patient_id), a data set's root, or a snapshot."),
    ],
    models: Models = None,
    false_flags: FalseFlags = None,
    layout: LayoutOption = None,
    column: Column = None,
    exclude: Exclude = None,
    every_image_is_a_patient: Annotated[
        bool, typer.Option("--every-image-is-a-patient", help="Listed images without a patient are each another's.")
    ] = False,
    float_range: FloatRangeOption = None,
    workers: Workers = None,
    device: Device = "cpu",
    storage_key: StorageKey = None,
    as_json: AsJson = False,
) -> None:
    """Say which images may be released beside these real ones, in a table. Nothing is released or written.

    The real images are enrolled once: their snapshot and its key are kept in your cache folder, under what they hold,
    and found again. `cxrgate run` does the same by a configuration, and publishes what may go out.

    Exit codes: 0 every image may be released, 1 some may not, 2 wrong usage, 3 some without an answer.
    """
    with errors_as_messages("gate"):
        listing = {
            "layout": layout,
            "columns": columns_of(column),
            "exclude": exclude,
            "every_image_is_a_patient": every_image_is_a_patient,
        }
        float_range = rising(float_range)
        files = given_files(paths, float_range, say)
        from cxrgate.cli.verdicts import as_mapping, show
        from cxrgate.filter import Filter

        policy = {} if false_flags is None else {"false_flags": false_flags}
        with bars(_THEN) as progress:
            opened = Filter.enrol(
                against,
                models=models_folder(models),
                listing={name: value for name, value in listing.items() if value},
                policy=policy,
                workers=workers or "auto",
                device=device,
                storage_key=storage_key,
                progress=progress,
                tell=say,
            )
            with opened as gate:
                verdicts = gate.check(files, float_range=float_range, previews=False, progress=progress)
                rule = gate.policy
        if as_json:
            typer.echo(json.dumps(as_mapping(verdicts, rule, str(against)), indent=1))
        else:
            show(verdicts, rule)
            say("Nothing was released. `cxrgate init` writes a configuration for `cxrgate run`, which releases a set.")
    raise typer.Exit(exit_code(verdicts))


def exit_code(verdicts: Verdicts) -> Exit:
    """The worst that was said."""
    counts = verdicts.counts
    if counts[Decision.INDETERMINATE]:
        return Exit.INCOMPLETE
    return Exit.REJECTED if counts[Decision.NOT_ANONYMOUS] else Exit.RELEASED
