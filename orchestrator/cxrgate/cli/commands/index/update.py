"""`cxrgate index update`: enrol what is new or changed since the snapshot was made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cxrgate.certification import CERTIFICATE
from cxrgate.cli.bars import bars, say
from cxrgate.cli.commands.index.measured import measured_of
from cxrgate.cli.errors import errors_as_messages
from cxrgate.core import UsageError
from cxrgate.core.counted import counted
from cxrgate.gate.config import read_config
from cxrgate.images.sources.counted import images
from cxrgate.index import Snapshot

_DIGITS = 12


def update(
    config: Annotated[Path, typer.Argument(help="YAML configuration of a run, with `snapshot` and `enrol`.")],
    output: Annotated[
        Path | None, typer.Option(help="Folder of the new snapshot; without it, it takes the old one's place.")
    ] = None,
    drop_unlisted: Annotated[
        bool, typer.Option("--drop-unlisted", help="Leave out references that are no longer listed.")
    ] = False,
) -> None:
    """Bring a snapshot to what is listed now: only images that are new or changed are embedded.

    The old snapshot is kept beside it, under its name and the start of its digest.
    """
    with errors_as_messages("gate"):
        settings = read_config(config)
        if settings.enrol is None:
            raise UsageError("the configuration lacks `enrol`, which says what is listed, and under which key: add it")
        from cxrgate.gate.dtypes import DtypeRule
        from cxrgate.gate.local import local_models
        from cxrgate.run.update import update as update_snapshot

        base = Snapshot.open(settings.snapshot, settings.read_storage_key())
        made = output or settings.snapshot.with_name(f"{settings.snapshot.name}.new")
        with local_models(settings.folders, settings.device, DtypeRule.of(settings)) as models, bars() as progress:
            updated = update_snapshot(
                settings.enrol,
                base,
                made,
                models,
                progress,
                workers=settings.decode_workers,
                drop_unlisted=drop_unlisted,
            )
        for note in updated.notes:
            say(note)
        if updated.snapshot is None:
            typer.echo("the snapshot is of what is listed; nothing was written")
            return
        manifest = updated.snapshot.manifest
        place = made if output else _take_its_place(settings.snapshot, made, base)
        typer.echo(
            f"{images(updated.added)} enrolled, {updated.replaced} enrolled again, {updated.dropped} dropped: "
            f"{counted(manifest.references, 'reference')} of {counted(manifest.patients, 'patient')}, "
            f"{manifest.digest} in {place}"
        )
        for sentence in measured_of(manifest):
            typer.echo(sentence)
        if (base.path / CERTIFICATE).exists() or output is None:
            _say_what_follows(settings.snapshot, base, kept=output is None)


def _take_its_place(snapshot: Path, made: Path, base: Snapshot) -> Path:
    """Keep the old one under another name and put the new one where it was."""
    kept = _kept(snapshot, base)
    if kept.exists():
        raise UsageError(
            f"{kept} exists already, where the old snapshot would be kept: move it away; the new one is {made}"
        )
    snapshot.rename(kept)
    made.rename(snapshot)
    return snapshot


def _kept(snapshot: Path, base: Snapshot) -> Path:
    return snapshot.with_name(f"{snapshot.name}.{base.manifest.digest[:_DIGITS]}")


def _say_what_follows(snapshot: Path, base: Snapshot, *, kept: bool) -> None:
    if kept:
        typer.echo(f"the old snapshot is kept in {_kept(snapshot, base)}; a run needs another `output` now")
    place = _kept(snapshot, base) if kept else base.path
    if (place / CERTIFICATE).exists():
        typer.echo("its certificate does not hold for the new one: calibrate again, or `cxrgate certificate renew`")
