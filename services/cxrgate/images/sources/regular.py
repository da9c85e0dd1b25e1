"""Regular files, read whole or from their start. What the host failed at is told apart from what a file lacks."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cxrgate.core import ImageError
from cxrgate.images.codec.limits import MAXIMUM_BYTES

_OF_THE_HOST = frozenset(
    {
        errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR,
        errno.EIO, errno.EREMOTEIO, errno.EBADMSG, errno.ENODEV, errno.ENXIO,
        errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH,
        errno.ENOTCONN, errno.ECONNRESET, errno.ECONNABORTED, errno.ECONNREFUSED, errno.ESHUTDOWN,
    }
)  # fmt: skip
"""No room for another open file or no memory, a disk that fails, a share or a mount that is away."""


class FileUnreachable(ImageError):
    """The host failed to open or to read a file, or another process writes it: another try may read it."""

    code = "UNAVAILABLE"


def is_of_the_host(error: OSError) -> bool:
    """Whether the host failed, and not that the file is missing or forbidden."""
    return error.errno in _OF_THE_HOST


def unreadable(error: OSError) -> ImageError:
    """FILE_UNREADABLE for an error of the operating system: the host's fault, or the file's own."""
    kind = FileUnreachable if is_of_the_host(error) else ImageError
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return kind("FILE_UNREADABLE", "there is no such file: check its name and folder")
    return kind(
        "FILE_UNREADABLE",
        "the file cannot be opened and read: check that its permissions let this user read it",
    )


def read_regular(path: Path) -> bytes:
    """The content of a regular file of at most 32 MiB.

    Raises:
        ImageError: FILE_UNREADABLE, FILE_IRREGULAR or FILE_TOO_LARGE; a FileUnreachable where the host is at fault, or
            the file changed while it was read.
    """
    with open_regular(path) as file:
        before = os.fstat(file.fileno())
        if before.st_size > MAXIMUM_BYTES:
            raise ImageError("FILE_TOO_LARGE", f"the file has {before.st_size} bytes, at most {MAXIMUM_BYTES} are read")
        content = file.read(MAXIMUM_BYTES + 1)
        after = os.fstat(file.fileno())
        if len(content) != before.st_size or before.st_mtime_ns != after.st_mtime_ns:
            raise FileUnreachable(
                "FILE_UNREADABLE", "the file was written while it was read: ask again when it is finished"
            )
        return content


def read_start(path: Path, size: int) -> bytes:
    """The first `size` bytes of a regular file, or all; errors as read_regular."""
    with open_regular(path) as file:
        return file.read(size)


@contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """The file opened; a pipe or device never is. What goes wrong while it is read is raised as read_regular has it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ImageError("FILE_IRREGULAR", "this is a folder, pipe or device, not a regular file")
            yield file
    except OSError as error:
        raise unreadable(error) from error
