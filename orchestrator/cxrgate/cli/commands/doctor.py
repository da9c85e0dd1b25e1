"""`cxrgate doctor`: can this host run the stack?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxrgate.cli.as_json import AsJson
from cxrgate.cli.errors import Exit, errors_as_messages
from cxrgate.cli.options import Models, models_folder
from cxrgate.core import CxrgateError
from cxrgate.stack.variables import CERTIFICATION_KEY

if TYPE_CHECKING:
    from cxrgate.stack.findings import HostFinding
    from cxrgate.stack.state import State


def doctor(
    models: Models = None,
    listen: Annotated[str, typer.Option(help="HOST:PORT that the gate is to have on this host.")] = "127.0.0.1:8443",
    gpu: Annotated[bool, typer.Option("--gpu", help="Whether GPUs are to be used.")] = False,
    state: Annotated[Path, typer.Option(help="Folder of a stack's certificates, keys and snapshots.")] = Path("state"),
    snapshot: Annotated[
        Path | None, typer.Option(help="Snapshot to look at, in place of the one that the stack serves.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look at everything that a stack needs of this host, and say what helps where something is missing.

    Exit codes: 0 nothing keeps it from starting, 3 something does.
    """
    with errors_as_messages("stack"):
        from cxrgate.stack.checks import Plan, look
        from cxrgate.stack.findings import Level
        from cxrgate.stack.state import State

        kept, folder = State(state.resolve()), models_folder(models).resolve()
        findings = [*look(Plan(kept, folder, listen, gpu)), *_certification(kept)]
        findings += _upgrade(kept, snapshot, folder)
    if as_json:
        typer.echo(json.dumps([asdict(item) for item in findings], indent=2))
    else:
        for item in findings:
            typer.echo(f"{item.level:5}{item.subject:14}{item.text}" + (f"; {item.remedy}" if item.remedy else ""))
    if any(item.level is Level.FAIL for item in findings):
        raise typer.Exit(Exit.INCOMPLETE)


def _upgrade(state: State, snapshot: Path | None, models: Path) -> list[HostFinding]:
    """Whether snapshot, models and this version go together; nothing where there is no snapshot yet."""
    from cxrgate.stack.model_folders import served_folder
    from cxrgate.stack.upgrade import check_upgrade

    if snapshot is None:
        try:
            snapshot = served_folder(state.store)
        except CxrgateError:
            return []
    return [check_upgrade(snapshot, models)]


def _certification(state: State) -> list[HostFinding]:
    """How long a stack that was started under a certificate still has one."""
    from cxrgate.stack.certified import check_certificate

    key = state.read_variables().get(CERTIFICATION_KEY) if state.variables.exists() else None
    return [check_certificate(state.store, Path(key))] if key else []
