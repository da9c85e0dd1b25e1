"""`cxrgate index withdraw` and `activate`: a patient leaves, and a running index goes over to another snapshot."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated

import grpc
import numpy as np
import typer

from cxrgate.cli.commands.index.measured import measured_of
from cxrgate.cli.errors import errors_as_messages
from cxrgate.core import UsageError
from cxrgate.core.counted import counted
from cxrgate.images.sources.patient_ids import other_spellings, unicode_forms
from cxrgate.index import Snapshot, opaque_id, read_key, read_storage_key
from cxrgate.rpc.channel import open_channel
from cxrgate.rpc.identity import read_identity
from cxrgate.storage.text_file import read_lines

SECONDS = 600.0
"""An index reads every byte of a snapshot before it goes over to it."""

_HEADER = "patientid"
"""Of a list, whose column was copied whole; in whatever case, and with spaces, hyphens or underscores."""
_GAPS = str.maketrans("", "", " _-")
_QUOTED = re.compile(r'"[^"]+"')
"""As a spreadsheet writes a value."""
_SHOWN = 10
_NEXT = (
    "Next: take these patients out of the list that the snapshot is made from, or name their images in a file that "
    "`enrol.exclude` (--exclude) names. Else a run stops, and `cxrgate index update` enrols them again."
)


def withdraw(
    snapshot: Annotated[Path, typer.Argument(help="Snapshot folder; it stays as it is.")],
    patients: Annotated[Path, typer.Argument(help="File of patient ids as at enrolment, one a line.")],
    output: Annotated[Path, typer.Option(help="Folder of the new snapshot; must not exist.")],
    key: Annotated[Path, typer.Option(help="HMAC key of the opaque ids.")],
    storage_key: Annotated[Path | None, typer.Option(help="Key that the snapshot is sealed with.")] = None,
) -> None:
    """Write a snapshot again without some patients.

    A patient who is not in it is an error, and so is a file that names none; nothing is written then.

    As long as a generator that was trained on a patient is in use, withdrawing the patient takes protection away.
    """
    with errors_as_messages():
        from cxrgate.index.changes import change_snapshot
        from cxrgate.index.measuring.measure import measured_again

        names = _read(patients)
        secret, storage = read_key(key), None if storage_key is None else read_storage_key(storage_key)
        base = Snapshot.open(snapshot, storage)
        base.verify()
        leaving = _leaving(patients, names, secret, base, key)
        alike = _alike(names, secret, base, leaving)
        made = change_snapshot(base, output, leaving, derive=measured_again(base))
        manifest = made.manifest
        counts = f"{counted(manifest.references, 'reference')} of {counted(manifest.patients, 'patient')}"
        typer.echo(f"{counts}, {manifest.digest} in {output}")
        gone = base.manifest.references - manifest.references
        typer.echo(f"{counted(len(leaving), 'patient')}, {counted(gone, 'reference')} withdrawn")
        if alike:
            typer.echo(f"Still enrolled in another spelling: {alike}. Withdraw these too, where it is one person.")
        for sentence in measured_of(manifest):
            typer.echo(sentence)
        typer.echo(_NEXT)


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


def _read(path: Path) -> dict[str, int]:
    """The patient ids without quotes around them, each with the number of its first line; a header is none.

    Raises:
        UsageError: as read_lines; or no patient is named.
    """
    lines = read_lines(path, "patient ids")
    lines = [(number, line[1:-1] if _QUOTED.fullmatch(line) else line) for number, line in lines]
    if lines and lines[0][0] == 1 and lines[0][1].lower().translate(_GAPS) == _HEADER:
        del lines[0]
    if not lines:
        raise UsageError(f"{path} names no patient, so that nobody would be withdrawn: write their ids, one a line")
    return {name: number for number, name in reversed(lines)}


def _leaving(path: Path, names: Mapping[str, int], secret: bytes, base: Snapshot, key: Path) -> set[bytes]:
    """The keys of the patients; UsageError, which names them and their lines, where some are not in the snapshot."""
    enrolled = {row.tobytes() for row in np.asarray(base.patient_keys)}
    found = {name: _keys(secret, unicode_forms(name)) & enrolled for name in names}
    missing = sorted((names[name], name) for name, keys in found.items() if not keys)
    if missing:
        told = ", ".join(f"{name} (line {number})" for number, name in missing[:_SHOWN])
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        verb = "is" if len(missing) == 1 else "are"
        raise UsageError(
            f"{path}: {counted(len(missing), 'patient')} {verb} not in {base.path}, so nothing was written: "
            f"{told}{more}. Correct these lines or take them out; ids are those of the list at enrolment, and {key} "
            "must be the key of that time"
        )
    return {key for keys in found.values() for key in keys}


def _alike(names: Iterable[str], secret: bytes, base: Snapshot, leaving: Collection[bytes]) -> str:
    """The first enrolled patients who stay and whose ids differ from one that leaves in their spelling alone."""
    staying = {row.tobytes() for row in np.asarray(base.patient_keys)} - set(leaving)
    told = [
        f"{other!r} beside {name!r}"
        for name in names
        for other in sorted(other_spellings(name))
        if opaque_id(secret, "patient", other) in staying
    ]
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return ", ".join(told[:_SHOWN]) + more


def _keys(secret: bytes, names: Iterable[str]) -> set[bytes]:
    return {opaque_id(secret, "patient", name) for name in names}
