"""`cxrgate init`: a first configuration, from what lies in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cxrgate.cli.bars import say
from cxrgate.cli.errors import errors_as_messages
from cxrgate.cli.plain import plain
from cxrgate.core import UsageError
from cxrgate.run.found_sets import FoundSet, choose_sets, find_sets
from cxrgate.run.starting_config import starting_config
from cxrgate.storage import write_durably

CONFIG = "config.yaml"


def init(
    folder: Annotated[Path, typer.Argument(help="Folder with real and synthetic images, or lists of them.")] = Path(),
) -> None:
    """Write a config.yaml with a comment on each key, from the sets, lists and data sets that lie in a folder.

    It is a proposal: read it. An existing file is never replaced.
    """
    with errors_as_messages():
        path = folder / CONFIG
        if path.exists():
            raise UsageError(f"{path} exists and is not replaced: remove it, or name another folder")
        found = find_sets(folder)
        for each in found:
            say(f"found {_told(each)}")
        real, synthetic = choose_sets(found)
        write_durably(path, starting_config(folder, real, synthetic).encode())
        typer.echo(f"{path} written")
        for name, chosen in (("real images", real), ("images to check", synthetic)):
            place = "nothing looks like them, fill them in" if chosen is None else plain(str(chosen.path))
            typer.echo(f"  {name}: {place}")
        say(f"Read it, then: cxrgate run {path} --dry-run")


def _told(found: FoundSet) -> str:
    kind = f"the data set {found.layout}" if found.layout else "DICOM files" if found.is_dicom else "images"
    whose = ", with their patients" if found.has_patients else ""
    return f"{plain(str(found.path))}: {found.images:,} {kind}{whose}"
