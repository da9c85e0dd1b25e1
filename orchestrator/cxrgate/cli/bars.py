"""Progress bars of long commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import rich.progress
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn

from cxrgate.cli.plain import plain
from cxrgate.core.progress import Progress


def say(sentence: str, /) -> None:
    """Show on stderr what the user should know before the work goes on."""
    typer.echo(plain(sentence), err=True)


@contextmanager
def bars() -> Iterator[Progress]:
    """Progress bars on stderr, one per step."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with rich.progress.Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        tasks: dict[str, TaskID] = {}

        def report(step: str, done: int, total: int) -> None:
            if step not in tasks or shown.tasks[tasks[step]].finished:
                tasks[step] = shown.add_task(step, total=total)
            shown.advance(tasks[step], done)

        yield report
