"""Files that settings, lists and manifests are read from: regular ones, of a size that can be meant."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MANIFEST_BYTES = 64 * 2**20
"""Of a JSON file that says what lies beside it; one of 100,000 released images has 12 MiB."""


def read_regular_file(path: Path, limit: int = MANIFEST_BYTES) -> bytes:
    """The content of a file; a pipe or a device is never waited for.

    Raises:
        OSError: it cannot be read, is no regular file (EINVAL), or has more than `limit` bytes (EFBIG).
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "expected a file, got a folder", str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "expected a regular file, got a pipe or a device", str(path))
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"expected a file of at most {limit} bytes", str(path))
    return content
