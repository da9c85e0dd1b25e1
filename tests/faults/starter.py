"""Has loaded what a run needs, and forks a run for each line that it reads: a request as JSON, see `Runs`.

A run that begins to load when it is started takes most of its time for that.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow.parquet  # noqa: F401 - loaded before the fork, as what is not named below
import typer
from faults.interventions import INTERVENTIONS
from support.inline_decoder import InlineDecoder
from support.inline_writers import InlineWriters
from support.null_models import NullForward, ServedNullForward, null_models

import cxrgate.cli.commands.run
import cxrgate.gate.remote
import cxrgate.images.codec.dicom.read
import cxrgate.serving.torchserve.served  # noqa: F401 - loaded before the fork
from cxrgate.cli.errors import errors_as_messages
from cxrgate.gate import local, opening
from cxrgate.gate.config import read_config
from cxrgate.gate.opening import Services
from cxrgate.run import dicom_patients, dry_run, enrol, first_look, held
from cxrgate.run.engines import engine
from cxrgate.run.host_fault import is_fault_row
from cxrgate.run.run import run

_DECODING = (local, opening, first_look, enrol, dicom_patients, dry_run, held)


def main() -> None:
    """Fork until the input ends; ended runs are not waited for."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _begin(request)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _begin(request: dict[str, Any]) -> None:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    try:
        told = {"done": True, **_run(request)}
    except BaseException as error:  # noqa: BLE001 - told to whoever asked
        plain = isinstance(error, typer.Exit)
        cause = error.__cause__ if plain else error
        told = {"done": False, "error": type(cause).__name__, "message": str(cause), "plain": plain}
    Path(request["result"]).write_text(json.dumps(told))
    os._exit(0)


def _run(request: dict[str, Any]) -> dict[str, Any]:
    config = read_config(Path(request["config"]))
    asked = dict(request.get("services", {}))
    identity = asked.pop("tls_identity", None)
    services = Services(**asked, tls_identity=Path(identity) if identity else None)
    with errors_as_messages("gate"), ExitStack() as stack:
        stack.enter_context(null_models(ServedNullForward if request.get("served") else NullForward))
        if not request.get("sandbox"):
            for module in _DECODING:
                if hasattr(module, "SandboxedDecoder"):
                    stack.enter_context(mock.patch.object(module, "SandboxedDecoder", InlineDecoder))
            stack.enter_context(mock.patch.object(engine, "Writers", InlineWriters))
        for kind, options in request.get("faults", []):
            stack.enter_context(INTERVENTIONS[kind](**options))
        summary = run(config, services=services)
    faults = sum(map(is_fault_row, summary.results[["image_id", "stage", "code", "reasons"]].to_dict("records")))
    return {"checked": summary.checked, "released": len(summary.released), "faults": faults}


if __name__ == "__main__":
    main()
