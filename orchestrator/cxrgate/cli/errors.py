"""Exit codes, and how an error is shown: one plain message, no traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer

from cxrgate.core import CxrgateError


class Exit(IntEnum):
    """What a command's exit code says; Python's own 1 for a crash would read as "some rejected"."""

    RELEASED = 0
    REJECTED = 1
    USAGE = 2
    INCOMPLETE = 3
    BROKEN = 4


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """Turn an error of ours into a message on stderr and exit code 2."""
    try:
        yield
    except CxrgateError as error:
        typer.echo(f"cxrgate: {error}", err=True)
        raise typer.Exit(Exit.USAGE) from error
