"""`cxrgate certs`: certificates for development."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cxrgate.cli.errors import errors_as_messages


def certs(
    output: Annotated[Path, typer.Argument(help="Folder to make; one subfolder per identity.")],
    roles: Annotated[Path, typer.Option(help="Roles file whose identities get certificates.")],
    host: Annotated[
        list[str] | None, typer.Option(help="Host name or address of the servers; may be repeated.")
    ] = None,
) -> None:
    """Make a development certificate authority and a certificate for every identity in the roles file.

    They are valid for 90 days. The authority's key is thrown away; a hospital uses its own authority.
    """
    with errors_as_messages():
        from cxrgate.rpc.development_ca import LOCAL, write_development_certificates
        from cxrgate.rpc.roles import read_roles

        for folder in write_development_certificates(output, read_roles(roles).identities, host or LOCAL):
            typer.echo(folder)
