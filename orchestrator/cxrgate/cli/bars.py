"""Progress of long commands on stderr: bars on a terminal, a line now and then in a log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import rich.progress
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn

from cxrgate.cli import progress
from cxrgate.cli.plain import plain
from cxrgate.cli.progress import Steps
from cxrgate.core.progress import Progress

GOES_ON = "the same command goes on where it was"


def say(sentence: str, /) -> None:
    """Show on stderr what the user should know before the work goes on."""
    if not progress.quiet:
        typer.echo(plain(sentence), err=True)


@contextmanager
def bars(then: str = GOES_ON) -> Iterator[Progress]:
    """Progress on stderr, one step after another; interrupted, it says how far it came.

    Args:
        then: what an interrupted command does when it is started again.
    """
    steps = Steps()
    try:
        if progress.quiet:
            yield steps
        elif Console(stderr=True).is_terminal:
            with _bars(steps) as shown:
                yield shown
        else:
            yield _lines(steps)
    except KeyboardInterrupt:
        typer.echo(f"cxrgate: {steps.stopped}; {then}", err=True)
        raise


def _lines(steps: Steps) -> Progress:
    def report(step: str, done: int, total: int) -> None:
        steps(step, done, total)
        if line := steps.due():
            typer.echo(line, err=True)

    return report


@contextmanager
def _bars(steps: Steps) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with rich.progress.Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        tasks: dict[str, TaskID] = {}

        def report(step: str, done: int, total: int) -> None:
            steps(step, done, total)
            if step not in tasks or shown.tasks[tasks[step]].finished:
                tasks[step] = shown.add_task(step, total=total or None)
            shown.advance(tasks[step], done)

        yield report
