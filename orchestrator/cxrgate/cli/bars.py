"""Progress bars of long commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

Report = Callable[[str, int, int], None]
"""Called with a step, how much of it was done now, and of how much."""


@contextmanager
def bars() -> Iterator[Report]:
    """Progress bars on stderr, one per step."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        tasks: dict[str, TaskID] = {}

        def report(step: str, done: int, total: int) -> None:
            if step not in tasks or shown.tasks[tasks[step]].finished:
                tasks[step] = shown.add_task(step, total=total)
            shown.advance(tasks[step], done)

        yield report
