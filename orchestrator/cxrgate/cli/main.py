"""The root of the command line."""

from __future__ import annotations

import sys
import traceback
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from cxrgate.cli import progress
from cxrgate.cli.errors import Exit
from cxrgate.cli.lazy import QUIET, LazyGroup

app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Decides whether a synthetic chest radiograph may be released.",
    epilog="Exit codes of every command: 0 done, and every image released; 1 done, some images rejected; "
    "2 wrong usage or input; 3 some images without an answer; 4 an error of cxrgate itself; 130 interrupted.",
)


def _tell_version(asked: bool) -> None:  # noqa: FBT001 - typer's signature
    if not asked:
        return
    typer.echo(f"cxrgate {version('cxrgate')}")
    try:
        typer.echo(f"cxrgate-models {version('cxrgate-models')}")
    except PackageNotFoundError:
        typer.echo("cxrgate-models is not installed: the models of a checkout, or those that are named, are used")
    raise typer.Exit


@app.callback()
def root(
    *,
    _version: Annotated[
        bool, typer.Option("--version", help="Say the version and stop.", is_eager=True, callback=_tell_version)
    ] = False,
    quiet: Annotated[
        bool, typer.Option(QUIET, help="Print answers and errors alone: no progress, nothing on the way.")
    ] = False,
) -> None:
    """See `help`: typer wants a function for a group that has no command yet."""
    progress.quiet = quiet


def main() -> None:
    """Entry point of the `cxrgate` script."""
    try:
        app()
    except Exception:  # noqa: BLE001 - whatever it is, it must not exit as "some rejected"
        traceback.print_exc()
        sys.exit(Exit.BROKEN)
