"""`cxrgate certificate`: keys, checking and renewing of calibrations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cxrgate.certification import create_signing_key, read_public_key, read_signing_key, utc_now
from cxrgate.cli.bars import bars, say
from cxrgate.cli.commands.calibrate import tell
from cxrgate.cli.errors import errors_as_messages
from cxrgate.cli.options import Column, columns_of
from cxrgate.gate.config import read_config
from cxrgate.train import read_listed_images

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Keys, checking and renewing of certificates of `cxrgate calibrate`.",
)


@app.command("key")
def make_key(path: Annotated[Path, typer.Argument(help="File of the private key; must not exist.")]) -> None:
    """Write a new private key for its owner only, and the public one beside it, with the suffix .pub."""
    with errors_as_messages():
        typer.echo(create_signing_key(path))


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="Folder that `cxrgate calibrate` wrote.")],
    key: Annotated[Path, typer.Option(help="Public key of whoever certifies.")],
) -> None:
    """Check the signature and compute the certificate anew from the recorded cases; then print it.

    Exit codes: 0 it is what was signed and what the cases say, 2 it is not; the message names what differs.
    """
    with errors_as_messages("gate"):
        public = read_public_key(key)
        from cxrgate.calibration.folder import verify_calibration

        typer.echo(json.dumps(verify_calibration(folder, public).statement, indent=2))


@app.command()
def renew(
    config: Annotated[Path, typer.Argument(help="Configuration with the snapshot that patients were withdrawn from.")],
    data: Annotated[Path, typer.Option(help="The CSV that was calibrated with.")],
    before: Annotated[Path, typer.Option(help="Folder of the calibration.")],
    output: Annotated[Path, typer.Option(help="Folder to make.")],
    key: Annotated[Path, typer.Option(help="Private key; the one that signed the calibration.")],
    column: Column = None,
) -> None:
    """Ask the recorded cases anew after patients were withdrawn, and certify the same thresholds if all rates hold.

    A snapshot to which references were added, or any other change, takes a new calibration.

    Exit codes: 0 certified; 1 a rate no longer holds; 2 wrong usage, or not a withdrawal.
    """
    with errors_as_messages("gate"):
        signing, settings = read_signing_key(key), read_config(config)
        listed_images = read_listed_images(data, columns_of(column), say)
        from cxrgate.calibration.renewal import renew as retest

        with bars() as progress:
            written = retest(settings, listed_images, before, output, utc_now(), signing, progress, say)
    tell(written)
