"""From the sender's SOPInstanceUID to what became of the object.

The log has the sha256 of the UID and not the UID, which may lead to a patient: whoever has the UID finds its lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cxrgate.core import ImageError
from cxrgate.core.digest import bytes_digest
from cxrgate.dicom.finished import CHECKED
from cxrgate.dicom.spool import WAITING
from cxrgate.hashlog import read_lines
from cxrgate.images.codec.dicom.header import instance_uid, read_header
from cxrgate.images.sources.regular import read_regular
from cxrgate.storage import PARTIAL


def instance_of(content: bytes) -> str:
    """The digest of an object's SOPInstanceUID in hex.

    Raises:
        ImageError: its header cannot be read, or has no SOPInstanceUID.
    """
    return digest_of(instance_uid(read_header(content)))


def digest_of(uid: str) -> str:
    """The digest of a UID, as the log has it."""
    return bytes_digest(uid.encode())


def recorded(log: Path, uid: str) -> Iterator[Mapping[str, Any]]:
    """The log's lines on this object, oldest first.

    Raises:
        LogBroken: the log's chain does not hold.
    """
    wanted = digest_of(uid)
    for line in read_lines(log, growing=True):
        if line.content["event"] == CHECKED and line.content.get("instance") == wanted:
            yield line.content


def waits(spool: Path, uid: str) -> bool:
    """Whether this object lies in the spool and has no outcome yet."""
    # The folder itself and no Spool: opening one tidies up, which only the receiver may do.
    wanted, found = digest_of(uid), sorted((spool / WAITING).rglob("*"))
    return any(instance_at(path) == wanted for path in found if path.is_file() and path.suffix != PARTIAL)


def instance_at(path: Path) -> str:
    """The digest of a file's SOPInstanceUID in hex; "" where it has none, or has just left the spool."""
    try:
        return instance_of(read_regular(path))
    except ImageError:
        return ""
