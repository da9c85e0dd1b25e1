"""`cxrgate duplicates`: the same patient or picture in two sets, or twice in one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxrgate.cli.as_json import AsJson
from cxrgate.cli.bars import bars, say
from cxrgate.cli.errors import Exit, errors_as_messages
from cxrgate.cli.options import (
    Column,
    Device,
    Exclude,
    FalseFlags,
    LayoutOption,
    Models,
    StorageKey,
    Workers,
    columns_of,
    decode_workers,
    models_folder,
)
from cxrgate.cli.plain import plain
from cxrgate.core.counted import counted
from cxrgate.gate.config import GateConfig, ModelFolders, PolicyConfig

if TYPE_CHECKING:
    from cxrgate.core import Failure
    from cxrgate.filter.cached_snapshot import CachedSnapshot
    from cxrgate.filter.named_pairs import NamedPair

_SHOWN = 40
_NARROWEST = 140


def duplicates(
    first: Annotated[Path, typer.Argument(help="A folder, a list (image, patient_id), a data set's root, a snapshot.")],
    second: Annotated[
        Path | None, typer.Argument(help="Another one; without it images of the first are compared with each other.")
    ] = None,
    models: Models = None,
    false_flags: FalseFlags = None,
    layout: LayoutOption = None,
    column: Column = None,
    exclude: Exclude = None,
    every_image_is_a_patient: Annotated[
        bool, typer.Option("--every-image-is-a-patient", help="Listed images without a patient are each another's.")
    ] = False,
    workers: Workers = None,
    device: Device = "cpu",
    storage_key: StorageKey = None,
    as_json: AsJson = False,
) -> None:
    """Find the same patient or the same picture in two sets, such as a train and a test split, or twice in one.

    Within one set, other images of a patient whom the list names are no finding unless they are the same picture.
    Both sets are enrolled once and kept in your cache folder. --exclude may name images of the first set.

    Exit codes: 0 nothing was found, 1 something was, 2 wrong usage, 3 some images could not be read.
    """
    with errors_as_messages("gate"):
        listing = {
            "layout": layout,
            "columns": columns_of(column),
            "every_image_is_a_patient": every_image_is_a_patient,
        }
        policy = PolicyConfig() if false_flags is None else PolicyConfig(false_flags=false_flags)
        folders = ModelFolders.of(models_folder(models))
        unread: list[Failure] = []
        from cxrgate.filter.cached_snapshot import is_snapshot, open_or_enrol_readable
        from cxrgate.filter.named_pairs import find_pairs
        from cxrgate.gate.local import local_models

        # What says how images are listed is for the set that is listed, where the other one is a snapshot.
        one_is_listed = not all(map(is_snapshot, [first] if second is None else [first, second]))
        with bars() as progress, local_models(folders, device) as loaded:

            def opened(path: Path, **more: Any) -> CachedSnapshot:
                shared = {} if one_is_listed and is_snapshot(path) else listing
                keys = {name: value for name, value in {**shared, **more}.items() if value}
                made, failures = open_or_enrol_readable(
                    path, loaded, listing=keys, workers=decode_workers(workers, device), progress=progress, tell=say
                )
                unread.extend(failures)
                return made

            one = opened(first, exclude=exclude)
            other = None if second is None else opened(second)
            config = GateConfig(snapshot=one.snapshot, models=folders, policy=policy, storage_key=storage_key)
            found, promise = find_pairs(config, loaded, one, other, progress)
    if as_json:
        sets = {"image_set": str(second or first), "other_set": str(first)}
        typer.echo(json.dumps([{**asdict(pair), **sets} for pair in found], indent=1))
    else:
        _show(found, str(first), None if second is None else str(second), promise)
    for failure in unread[:_SHOWN]:
        typer.echo(f"not compared, it cannot be read: {plain(failure.image_id)}, {failure.message}", err=True)
    if len(unread) > _SHOWN:
        typer.echo(f"not compared: {len(unread) - _SHOWN} more", err=True)
    raise typer.Exit(Exit.INCOMPLETE if unread else Exit.REJECTED if found else Exit.RELEASED)


def _show(found: list[NamedPair], first: str, second: str | None, promise: str) -> None:
    from rich.table import Table

    from cxrgate.cli.console import wide_console

    console = wide_console(_NARROWEST)
    where = f"in {first}" if second is None else f"of {second} in {first}"
    if not found:
        console.print(f"No picture and no patient {where} was found twice.", highlight=False, soft_wrap=True)
    else:
        table = Table(
            f"image of {second or first}", f"image of {first}", "what", "standout", "same picture", "patients"
        )
        for pair in found[:_SHOWN]:
            patients = pair.patient if pair.patient == pair.other_patient else f"{pair.patient} / {pair.other_patient}"
            numbers = (f"{pair.deciding:.3f}", "-" if pair.similarity is None else f"{pair.similarity:.3f}")
            table.add_row(plain(pair.image), plain(pair.other), pair.what, *numbers, plain(patients))
        console.print(table)
        more = f" The table has the {_SHOWN} surest; --json tells all." if len(found) > _SHOWN else ""
        console.print(f"{_counts(found)} {where}.{more}", highlight=False, soft_wrap=True)
    say(f"Some patients who are in one set alone are found, too: {promise}. --false-flags 0.01 finds fewer of those.")


def _counts(found: list[NamedPair]) -> str:
    same: Callable[[NamedPair], bool] = lambda pair: "picture" in pair.what  # noqa: E731 - two counts of one list
    pictures = sum(map(same, found))
    return f"{counted(pictures, 'pair')} of one picture and {len(found) - pictures} of one patient"
