"""`cxrgate review`: the reviewer's page of a finished run. What it needs comes with the extra `review`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxrgate.cli.errors import errors_as_messages
from cxrgate.core import UsageError
from cxrgate.gate.config import RunConfig, read_config
from cxrgate.index import ensure_key
from cxrgate.rpc.logs import log_to_stderr

if TYPE_CHECKING:
    from cxrgate.cli.pictures import FilePictures

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="The reviewer's page of a finished run, and links to it."
)

Key = Annotated[Path, typer.Option(help="Key of one-time links; made where there is none.")]


@app.command()
def serve(
    config: Annotated[Path, typer.Argument(help="Configuration of the run; `review` in it names the reviewers' log.")],
    certificates: Annotated[Path, typer.Option(help="Folder with tls.crt, tls.key and ca.crt.")],
    roles: Annotated[Path, typer.Option(help="Roles file; identities of the role reviewer may come in.")],
    key: Key,
    listen: Annotated[str, typer.Option(help="HOST:PORT.")] = "127.0.0.1:9443",
    references: Annotated[Path | None, typer.Option(help="Folder of the enrolled images, to show them.")] = None,
    reference_map: Annotated[
        Path | None, typer.Option(help="CSV from opaque ids to images, as enrolment wrote.")
    ] = None,
) -> None:
    """Serve the page until SIGTERM. Pictures are shown only with both the references and the reference map."""
    log_to_stderr()
    with errors_as_messages("review"):
        settings, secret = read_config(config), ensure_key(key)
        from cxrgate.review.process import serve_review
        from cxrgate.rpc.process import ServiceEndpoint

        listening = ServiceEndpoint(listen, certificates, roles)
        with _pictures(settings, references, reference_map) as pictures:
            asyncio.run(serve_review(settings, listening, secret, pictures))


@app.command()
def link(
    reviewer: Annotated[str, typer.Argument(help="Name under which the log will have what this reviewer does.")],
    key: Key,
    address: Annotated[str, typer.Option(help="HOST:PORT of the page, as the reviewer's browser reaches it.")],
    hours: Annotated[float, typer.Option(min=0.01, max=168, help="How long the link can be used, once.")] = 24,
) -> None:
    """Print a link that lets one reviewer in once, without a certificate. Whoever has it can use it: send it safely."""
    with errors_as_messages("review"):
        from cxrgate.review.links import sign_link

        token = sign_link(ensure_key(key), reviewer, timedelta(hours=hours))
        typer.echo(f"https://{address}/enter/{token}")


@contextmanager
def _pictures(config: RunConfig, references: Path | None, reference_map: Path | None) -> Iterator[FilePictures | None]:
    if references is None and reference_map is None:
        yield None
        return
    if references is None or reference_map is None:
        raise UsageError("--references and --reference-map go together: give both, or neither")
    from cxrgate.cli.pictures import FilePictures
    from cxrgate.images.sandbox.decoder import SandboxedDecoder
    from cxrgate.run.enrol import list_synthetic

    with SandboxedDecoder() as decoder:
        yield FilePictures(list_synthetic(config).files, reference_map, decoder, references, config.release.side)
