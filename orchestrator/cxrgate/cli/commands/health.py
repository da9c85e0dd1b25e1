"""`cxrgate health`: is a service ready? Containers ask every few seconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import grpc
import typer
from grpc_health.v1 import health_pb2, health_pb2_grpc

from cxrgate.cli.as_json import AsJson
from cxrgate.cli.errors import Exit, errors_as_messages
from cxrgate.rpc.channel import open_channel
from cxrgate.rpc.identity import read_identity

SECONDS = 5.0


def health(
    address: Annotated[str, typer.Argument(help="HOST:PORT of a service.")],
    certificates: Annotated[Path, typer.Option(help="Folder with tls.crt, tls.key and ca.crt of a monitor.")],
    service: Annotated[str, typer.Option(help="Full service name; without it, whether the process lives.")] = "",
    as_json: AsJson = False,
) -> None:
    """Ask a service whether it is ready.

    Exit codes: 0 it is, 2 wrong usage, 3 it is not or does not answer.
    """
    with errors_as_messages(), open_channel(address, read_identity(certificates)) as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        try:
            status = health_pb2_grpc.HealthStub(channel).Check(request, timeout=SECONDS).status
            answer = health_pb2.HealthCheckResponse.ServingStatus.Name(status)
        except grpc.RpcError as error:
            answer = str(error.code().name)
    typer.echo(json.dumps({"status": answer}) if as_json else answer)
    if answer != "SERVING":
        raise typer.Exit(Exit.INCOMPLETE)
