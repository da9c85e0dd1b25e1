"""Files that settings, lists and manifests are read from: regular ones, of a size that can be meant."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MANIFEST_BYTES = 2**30
"""Of a JSON file that says what lies beside it; one of a million released images has 120 MiB."""
_PART_BYTES = 2**20


def read_regular_file(path: Path, limit: int = MANIFEST_BYTES) -> bytes:
    """The content of a file; a pipe or a device is never waited for.

    Raises:
        OSError: it cannot be read, is no regular file (EINVAL), or has more than `limit` bytes (EFBIG).
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "it is a folder, not a file", str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device, not a regular file", str(path))
        content = bytearray()
        while part := file.read(_PART_BYTES):  # read(limit) would take so much memory for the smallest file
            content += part
            if len(content) > limit:
                raise OSError(errno.EFBIG, f"it has more than {limit} bytes", str(path))
    return bytes(content)
