"""`cxrgate storage`: encryption at rest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cxrgate.cli.errors import errors_as_messages
from cxrgate.core import StorageError, UsageError
from cxrgate.index import Snapshot, read_storage_key
from cxrgate.storage import open_data_key, rewrap, wrapped_keys

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Seal snapshots with a storage key, and change the key."
)

Key = Annotated[Path, typer.Option(help="Storage key, made by `cxrgate index key`; keep it on another volume.")]


@app.command()
def seal(
    snapshot: Annotated[Path, typer.Argument(help="Snapshot folder that is not sealed; it stays as it is.")],
    output: Annotated[Path, typer.Option(help="Folder of the sealed snapshot; must not exist.")],
    key: Key,
) -> None:
    """Write a snapshot again, sealed; its digest, and so the policy's and every verdict, stays the same."""
    with errors_as_messages():
        from cxrgate.index.sealing import seal_snapshot

        sealed = seal_snapshot(Snapshot.open(snapshot), output, read_storage_key(key))
        typer.echo(f"{sealed.manifest.digest} in {output}; remove {snapshot} once it is in use")


@app.command()
def rotate(
    folder: Annotated[Path, typer.Argument(help="Snapshot, store or output folder; what lies below it is included.")],
    key: Key,
    new_key: Annotated[Path, typer.Option(help="The storage key from now on.")],
) -> None:
    """Wrap every data key below a folder with a new storage key. Stopped halfway, it is simply called again.

    First every key is tried: nothing is changed where one of them opens with neither.
    """
    with errors_as_messages():
        old, new = read_storage_key(key), read_storage_key(new_key)
        found = list(wrapped_keys(folder))
        if not found:
            raise UsageError(f"{folder} holds no wrapped keys: name the folder of a sealed snapshot or run")
        for path in found:
            _try(path, old, new)
        changed = sum(rewrap(path, old, new) for path in found)
        typer.echo(f"{changed} of {len(found)} data keys wrapped anew")


def _try(path: Path, old: bytes, new: bytes) -> None:
    try:
        open_data_key(path, new)
    except StorageError:
        open_data_key(path, old)
