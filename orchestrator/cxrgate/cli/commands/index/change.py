"""`cxrgate index withdraw` and `activate`: a patient leaves, and a running index goes over to another snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import grpc
import typer

from cxrgate.cli.commands.index.measured import measured_of
from cxrgate.cli.errors import errors_as_messages
from cxrgate.core import UsageError
from cxrgate.index import Snapshot, opaque_id, read_key
from cxrgate.rpc.channel import open_channel
from cxrgate.rpc.identity import read_identity

SECONDS = 600.0
"""An index reads every byte of a snapshot before it goes over to it."""


def withdraw(
    snapshot: Annotated[Path, typer.Argument(help="Snapshot folder; it stays as it is.")],
    patients: Annotated[Path, typer.Argument(help="File of patient ids as at enrolment, one a line.")],
    output: Annotated[Path, typer.Option(help="Folder of the new snapshot; must not exist.")],
    key: Annotated[Path, typer.Option(help="HMAC key of the opaque ids.")],
    storage_key: Annotated[Path | None, typer.Option(help="Key that the snapshot is sealed with.")] = None,
) -> None:
    """Write a snapshot again without some patients. A patient who is not in it is an error, and nothing is written.

    As long as a generator that was trained on a patient is in use, withdrawing the patient takes protection away.
    """
    with errors_as_messages():
        from cxrgate.index.changes import change_snapshot
        from cxrgate.index.measuring.measure import measured_again

        names = {line.strip() for line in _read(patients) if line.strip()}
        secret, storage = read_key(key), None if storage_key is None else read_key(storage_key)
        base = Snapshot.open(snapshot, storage)
        base.verify()
        leaving = {opaque_id(secret, "patient", name) for name in names}
        made = change_snapshot(base, output, leaving, derive=measured_again(base))
        manifest = made.manifest
        typer.echo(f"{manifest.references} references of {manifest.patients} patients, {manifest.digest} in {output}")
        for sentence in measured_of(manifest):
            typer.echo(sentence)


def activate(
    digest: Annotated[str, typer.Argument(help="Digest of a snapshot in the index's store; `index info` prints it.")],
    index: Annotated[str, typer.Option(help="HOST:PORT of the index service.")],
    certificates: Annotated[Path, typer.Option(help="Folder with the curator's tls.crt, tls.key and ca.crt.")],
) -> None:
    """Let a running index go over to another snapshot of its store; gates follow within a second, by themselves."""
    with errors_as_messages():
        from cxrgate.api.index.v1 import index_service_pb2 as pb
        from cxrgate.api.index.v1 import index_service_pb2_grpc as stubs

        try:
            with open_channel(index, read_identity(certificates)) as channel:
                request = pb.ActivateSnapshotRequest(index_digest=digest)
                answer = stubs.IndexServiceStub(channel).ActivateSnapshot(request, timeout=SECONDS)
        except grpc.RpcError as error:
            raise UsageError(
                f"the index did not go over to the snapshot, {error.code().name}: {error.details()}"
            ) from error
        typer.echo(f"active: {answer.index.digest}, {answer.index.reference_count} references")


def _read(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no file of patient ids, one a line: {error}") from error
