"""The root of the command line."""

from __future__ import annotations

import sys
import traceback

import typer

from cxrgate.cli.errors import Exit
from cxrgate.cli.lazy import LazyGroup

app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Decides whether a synthetic chest radiograph may be released.",
    epilog="Exit codes of every command: 0 done, and every image released; 1 done, some images rejected; "
    "2 wrong usage or input; 3 some images without an answer; 4 an error of cxrgate itself; 130 interrupted.",
)


@app.callback()
def root() -> None:
    """See `help`: typer wants a function for a group that has no command yet."""


def main() -> None:
    """Entry point of the `cxrgate` script."""
    try:
        app()
    except Exception:  # noqa: BLE001 - whatever it is, it must not exit as "some rejected"
        traceback.print_exc()
        sys.exit(Exit.BROKEN)
