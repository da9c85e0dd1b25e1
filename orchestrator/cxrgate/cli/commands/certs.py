"""`cxrgate certs`: certificates for development."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cxrgate.cli.errors import errors_as_messages
from cxrgate.core.shipped import shipped_file
from cxrgate.storage import write_durably

_ROLES = "roles.yaml"


def certs(
    output: Annotated[Path, typer.Argument(help="Folder to make; one subfolder per identity.")],
    roles: Annotated[
        Path | None,
        typer.Option(help="Roles file whose identities get certificates; without it the shipped one, written there."),
    ] = None,
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

        given = read_roles(roles or shipped_file(_ROLES))
        for folder in write_development_certificates(output, given.identities, host or LOCAL):
            typer.echo(folder)
        if roles is None:
            write_durably(output / _ROLES, shipped_file(_ROLES).read_bytes())
            typer.echo(output / _ROLES)
