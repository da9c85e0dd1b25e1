"""`cxrgate log`: the gate's hash-chained log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cxrgate.cli.errors import shown
from cxrgate.gate.audit import parse_head, verify_log

app = typer.Typer(no_args_is_help=True, help="The gate's hash-chained log.")


@app.callback()
def about() -> None:
    """The gate's hash-chained log."""


@app.command()
def verify(
    log: Annotated[Path, typer.Argument(help="The log file.")],
    head: Annotated[str | None, typer.Option(help="A head COUNT:SHA256 that was kept elsewhere.")] = None,
) -> None:
    """Check that no line was changed, removed, moved or cut off.

    Exit codes: 0 the chain holds, 2 it does not; the message names the first line that does not fit.
    """
    with shown():
        last = verify_log(log, None if head is None else parse_head(head))
        typer.echo(f"{last.count} lines, head {last.count}:{last.sha256}")
