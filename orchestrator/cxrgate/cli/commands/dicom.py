"""`cxrgate dicom`: radiographs from other systems over DICOM. What it needs comes with the extra `dicom`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxrgate.cli.errors import errors_as_messages
from cxrgate.cli.options import CertificationKey
from cxrgate.core import UsageError
from cxrgate.core.threads import run_with_threads
from cxrgate.dicom.out_format import OutFormat
from cxrgate.gate.config import read_config
from cxrgate.rpc.logs import log_to_stderr

if TYPE_CHECKING:
    from cxrgate.dicom.receiver import Tls

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Receive synthetic radiographs over DICOM and release those that pass.",
)


@app.callback()
def about() -> None:
    """Receive synthetic radiographs over DICOM and release those that pass."""


@app.command()
def receive(
    config: Annotated[Path, typer.Argument(help="Configuration as for `cxrgate run`: models, policy, snapshot.")],
    spool: Annotated[Path, typer.Option(help="Folder for what is received, on a disk that keeps its word.")],
    released: Annotated[Path, typer.Option(help="Folder for what is released.")],
    log: Annotated[Path, typer.Option(help="File of the hash-chained log.")],
    allow: Annotated[
        list[str],
        typer.Option(envvar="CXRGATE_DICOM_SENDERS", help="AE title that may send; may be given several times."),
    ],
    title: Annotated[str, typer.Option(help="AE title of this receiver.")] = "CXRGATE",
    listen: Annotated[str, typer.Option(help="HOST:PORT.")] = "127.0.0.1:11112",
    certificates: Annotated[Path | None, typer.Option(help="Folder with tls.crt, tls.key and ca.crt.")] = None,
    tls: Annotated[
        bool, typer.Option("--tls", help="Speak TLS, with certificates of our authority; needs --roles.")
    ] = False,
    kind: Annotated[OutFormat, typer.Option("--format", help="What released images are written as.")] = OutFormat.DICOM,
    keep: Annotated[bool, typer.Option("--keep", help="Keep received images in the spool once checked.")] = False,
    images: Annotated[int, typer.Option(min=1, help="Images that may wait.")] = 100_000,
    gigabytes: Annotated[float, typer.Option(min=0, help="GiB that may wait.")] = 100,
    free: Annotated[float, typer.Option(min=0, help="GiB of the disk that stay free.")] = 1,
    forward: Annotated[
        str | None,
        typer.Option(help="AET@host:port of a PACS that released objects are sent on to, until it takes them."),
    ] = None,
    stow: Annotated[str | None, typer.Option(help="HOST:PORT for STOW-RS as well, over TLS; needs --roles.")] = None,
    roles: Annotated[Path | None, typer.Option(help="Roles file; roles that may call CheckImage may send.")] = None,
    models: Annotated[str | None, typer.Option(help="As for `cxrgate run`; without it this process.")] = None,
    index: Annotated[str | None, typer.Option(help="HOST:PORT of the index; without it the snapshot.")] = None,
    metrics: Annotated[
        str | None, typer.Option(help="HOST:PORT of Prometheus metrics, or PORT on loopback; without it none.")
    ] = None,
    certification_key: CertificationKey = None,
) -> None:
    """Receive until SIGTERM. An image is acknowledged when it is durable; what waits is checked after a restart.

    Rejected images and those without an answer are never written to the released folder.
    """
    log_to_stderr()
    with errors_as_messages("dicom"):
        for option, given in (("--tls", tls), ("--stow", stow is not None)):
            if given and (certificates is None or roles is None):
                raise UsageError(f"{option} needs --certificates and --roles: give both")
        settings = read_config(config)
        settings.expect_certification(certification_key)
        from cxrgate.dicom.forward import Pacs
        from cxrgate.dicom.process import ReceiverPaths, serve_receiver
        from cxrgate.dicom.receiver import ReceiverEndpoint
        from cxrgate.dicom.spool import SpoolLimits
        from cxrgate.gate.opening import Services
        from cxrgate.rpc.process import ServiceEndpoint

        secured = _tls(certificates, roles) if tls and certificates and roles else None
        listening = ReceiverEndpoint(listen, title, allow, secured, metrics)
        limits = SpoolLimits(images, round(gigabytes * 2**30), round(free * 2**30))
        pacs = None if forward is None else Pacs.parse(forward, certificates if tls else None)
        places = ReceiverPaths(spool, released, log, kind, keep, limits, pacs)
        web = ServiceEndpoint(stow, certificates, roles) if stow and certificates and roles else None
        services = Services(models or settings.model_server, index, certificates)
        run_with_threads(serve_receiver(settings, listening, places, services, web))


@app.command()
def trace(
    log: Annotated[Path, typer.Argument(help="File of the hash-chained log of `cxrgate dicom receive`.")],
    uid: Annotated[str, typer.Argument(help="SOPInstanceUID of the object, as its sender has it.")],
    spool: Annotated[Path | None, typer.Option(help="Folder of the spool, to find what waits there.")] = None,
) -> None:
    """Say what became of an object that was sent.

    Exit codes: 0 it was found, 1 it was not.
    """
    with errors_as_messages("dicom"):
        if not log.is_file():
            raise UsageError(f"there is no log at {log}")
        from cxrgate.dicom.trace import digest_of, recorded, waits

        lines = list(recorded(log, uid))
        for line in lines:
            out = f", released as {line['released_as']}" if line["released_as"] else ", not released"
            reasons = f" ({line['reasons'] or line['reason']})" if line.get("reasons") or line.get("reason") else ""
            typer.echo(f"{line['time']}  {line['decision']}{reasons}{out}")
        waiting = spool is not None and waits(spool, uid)
        if waiting:
            typer.echo("it waits in the spool and has no outcome yet")
        if not lines and not waiting:
            typer.echo("no outcome is recorded: it was refused at reception, never sent here, or still waits (--spool)")
            typer.echo(f"where it was refused, the receiver's messages have dicom.image_refused with {digest_of(uid)}")
            raise typer.Exit(1)


def _tls(certificates: Path, roles: Path) -> Tls:
    from cxrgate.dicom.receiver import Tls
    from cxrgate.rpc.roles import read_roles

    return Tls(certificates, read_roles(roles))
