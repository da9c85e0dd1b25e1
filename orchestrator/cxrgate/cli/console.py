"""Tables in full where the output is no terminal, which has no width of its own."""

from __future__ import annotations

from rich.console import Console


def wide_console(narrowest: int) -> Console:
    """A console of a terminal's own width, or else of at least `narrowest` columns: a row of the widest table."""
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, narrowest)
    return console
