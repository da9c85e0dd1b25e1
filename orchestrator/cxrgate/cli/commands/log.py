"""`cxrgate log`: the gate's hash-chained log."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from cxrgate.cli.as_json import AsJson
from cxrgate.cli.errors import errors_as_messages
from cxrgate.hashlog import HashLog, parse_head, verify_log

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The gate's hash-chained log.")


@app.callback()
def about() -> None:
    """The gate's hash-chained log."""


@app.command()
def verify(
    log: Annotated[Path, typer.Argument(help="The log file.")],
    head: Annotated[str | None, typer.Option(help="A head COUNT:SHA256 that was kept elsewhere.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check that no line was changed, removed, moved or cut off.

    Exit codes: 0 the chain holds, 2 it does not; the message names the first line that does not fit.
    """
    with errors_as_messages():
        last = verify_log(log, None if head is None else parse_head(head))
        found = f"{last.count}:{last.sha256}"
        typer.echo(json.dumps({"lines": last.count, "head": found}) if as_json else f"{last.count} lines, head {found}")


@app.command()
def acknowledge(
    log: Annotated[Path, typer.Argument(help="The log file of a gate or receiver that is stopped.", exists=True)],
    reason: Annotated[str, typer.Option(help="Why the scores changed, for those who read the log later.")],
) -> None:
    """Let a gate or receiver give verdicts again to those whose scores drifted; what they send now is their reference.

    Exit codes: 0 it is in the log, 2 the log cannot be written or another process writes it.
    """
    with errors_as_messages():
        asyncio.run(_append(log, reason))


async def _append(log: Path, reason: str) -> None:
    from cxrgate.gateway.check import ACKNOWLEDGED

    opened = HashLog(log)
    await opened.append(ACKNOWLEDGED, reason=reason)
    await opened.close()
