"""Exit codes, and how an error is shown: one plain message, no traceback."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer

from cxrgate.cli.extras import without_extra
from cxrgate.cli.plain import plain
from cxrgate.core import CxrgateError


class Exit(IntEnum):
    """What a command's exit code says; Python's own 1 for a crash would read as "some rejected"."""

    RELEASED = 0
    REJECTED = 1
    USAGE = 2
    INCOMPLETE = 3
    BROKEN = 4


_OF_THE_HOST = frozenset(
    {
        errno.EDQUOT,
        errno.EFBIG,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOSPC,
        errno.EROFS,
    }
)
"""A disk that is full, broken or read-only, and limits of the process: the operator mends them."""

_NO_THREAD = "can't start new thread"
"""What Python says where the system refuses one."""


@contextmanager
def errors_as_messages(extra: str = "index") -> Iterator[None]:
    """Turn an error of ours or of the host, or a package that is not installed, into a message and exit code 2.

    Args:
        extra: the extra that has the packages which this command loads; see extras.EXTRAS.
    """
    try:
        yield
    except CxrgateError as error:
        typer.echo(f"cxrgate: {plain(str(error))}", err=True)
        raise typer.Exit(Exit.USAGE) from error
    except OSError as error:
        if error.errno not in _OF_THE_HOST:
            raise
        where = f" ({error.filename})" if error.filename else ""
        _tell_host(f"{error.strerror}{where}")
        raise typer.Exit(Exit.USAGE) from error
    except MemoryError as error:
        _tell_host("memory ran out")
        raise typer.Exit(Exit.USAGE) from error
    except RuntimeError as error:
        if str(error) != _NO_THREAD:
            raise
        _tell_host("it gives this process no more threads, for want of memory or by a limit")
        raise typer.Exit(Exit.USAGE) from error
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package == "cxrgate":
            raise
        typer.echo(f"cxrgate: {without_extra(extra, package)}", err=True)
        raise typer.Exit(Exit.USAGE) from error


def _tell_host(what: str) -> None:
    told = f"this host refused it: {what}. Mend that and start again: a run goes on where it was"
    typer.echo(f"cxrgate: {plain(told)}", err=True)
