"""`cxrgate serve`: the services."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cxrgate.cli.errors import errors_as_messages
from cxrgate.cli.options import CertificationKey
from cxrgate.core.threads import run_with_threads
from cxrgate.gate.config import read_config
from cxrgate.index import EngineName
from cxrgate.rpc.logs import log_to_stderr

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Serve the index or the gate over gRPC with mTLS, or the models, until SIGTERM.",
)

Address = Annotated[str, typer.Option("--listen", help="HOST:PORT; port 0 is chosen and logged.")]
Certificates = Annotated[Path, typer.Option(help="Folder with tls.crt, tls.key and ca.crt.")]
Roles = Annotated[Path, typer.Option(help="Roles file: identities, quotas, and who may call what.")]
MetricsAddress = Annotated[
    str | None, typer.Option("--metrics", help="HOST:PORT of the Prometheus metrics, or PORT on loopback.")
]


@app.command()
def index(
    store: Annotated[Path, typer.Argument(help="Folder whose subfolders are snapshots.")],
    certificates: Certificates,
    roles: Roles,
    listen: Address = "127.0.0.1:7443",
    metrics: MetricsAddress = None,
    engine: Annotated[EngineName, typer.Option(help="Exact search engine.")] = EngineName.CODES,
    certification_key: Annotated[
        Path | None,
        typer.Option(help="Public key: only snapshots beside which a current certificate lies become active."),
    ] = None,
    storage_key: Annotated[Path | None, typer.Option(help="Key that the store is sealed with.")] = None,
) -> None:
    """Serve the active snapshot of a store: the one that was activated last, or the only one."""
    log_to_stderr()
    with errors_as_messages():
        from cxrgate.index.service.process import serve_index
        from cxrgate.rpc.process import ServiceEndpoint

        listening = ServiceEndpoint(listen, certificates, roles, metrics)
        run_with_threads(serve_index(store, engine, listening, certification_key, storage_key))


@app.command()
def gate(
    config: Annotated[Path, typer.Argument(help="Configuration as for `cxrgate run`: models, policy, snapshot.")],
    log: Annotated[Path, typer.Option(help="File of the hash-chained log.")],
    certificates: Certificates,
    roles: Roles,
    listen: Address = "127.0.0.1:8443",
    metrics: MetricsAddress = None,
    index_address: Annotated[
        str | None, typer.Option("--index", help="HOST:PORT of the index service; without it the snapshot is used.")
    ] = None,
    models_address: Annotated[
        str | None,
        typer.Option(
            "--models",
            help="TorchServe at HOST:PORT, or another server at oip://HOST:PORT; without it this process computes.",
        ),
    ] = None,
    https: Annotated[
        str | None,
        typer.Option(
            envvar="CXRGATE_HTTPS",
            help="HOST:PORT for HTTPS and JSON as well, same certificates and roles; needs the extra `rest`.",
        ),
    ] = None,
    certification_key: CertificationKey = None,
) -> None:
    """Serve the gate: the same pipeline as `cxrgate run`, with the same policy digest for the same configuration."""
    log_to_stderr()
    if https is not None:
        with errors_as_messages("rest"):
            import cxrgate.gateway.rest.process  # noqa: F401 - says which extra is missing before anything is opened
    with errors_as_messages("gate"):
        settings = read_config(config)
        settings.expect_certification(certification_key)
        from cxrgate.gate.opening import Services
        from cxrgate.gateway.process import serve_gate
        from cxrgate.rpc.process import ServiceEndpoint

        listening = ServiceEndpoint(listen, certificates, roles, metrics)
        services = Services(models_address or settings.model_server, index_address, certificates)
        run_with_threads(serve_gate(settings, listening, log, services, https))


@app.command()
def models(
    store: Annotated[Path, typer.Argument(help="Folder that `cxrgate model pack` wrote.")],
    folder: Annotated[Path, typer.Option(help="Folder for configuration, logs, metrics, and `ready` once it is.")],
    listen: Annotated[
        str, typer.Option(help="HOST:PORT on loopback or a private network; port 0 is chosen and logged.")
    ] = "127.0.0.1:7070",
    workers: Annotated[int, typer.Option(min=1, help="Worker processes per model.")] = 1,
    gpu: Annotated[bool, typer.Option("--gpu", help="Share the workers out among the GPUs that there are.")] = False,
    metrics: Annotated[str | None, typer.Option(help="HOST:PORT of TorchServe's Prometheus metrics.")] = None,
) -> None:
    """Serve packed models with TorchServe, started anew when it no longer gives the known answers."""
    log_to_stderr()
    with errors_as_messages("serve"):
        from cxrgate.serving.torchserve.process import serve_models

        asyncio.run(serve_models(store, folder, listen, workers=workers, gpu=gpu, metrics=metrics))
