"""The text of a table, from bytes as spreadsheets save them; what is no text is refused by its name."""

from __future__ import annotations

import errno
import gzip
import io
import zlib
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.storage.regular_file import read_regular_file
from cxrgate.storage.text_file import why_unreadable

_BYTES = 2**30
"""Of a table: ten million rows of a hundred characters."""
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""With which workbooks of before 2007 begin."""


def read_text(path: Path) -> tuple[str, list[str]]:
    """The text of a table, plain or gzipped, and what was noticed on reading.

    It is read as UTF-8 or else as Windows-1252, which Excel writes; as Latin-1 where that has no such character.

    Raises:
        UsageError: no such file, it cannot be read, or it is UTF-16 or a workbook.
    """
    try:
        content = read_regular_file(path, _BYTES)
        if path.suffix.lower() == ".gz":
            content = _inflated(content)
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{path} is no CSV file with a header that can be read: {why_unreadable(error)}") from error
    if content.startswith(_UTF16):
        raise UsageError(f"{path} is UTF-16 (Excel's Unicode text): save it as CSV UTF-8")
    if content.startswith(_OLE) or (content.startswith(b"PK\x03\x04") and b"xl/workbook." in content):
        raise UsageError(_workbook(path))
    for encoding, name in (("utf-8-sig", ""), ("cp1252", "Windows-1252")):
        try:
            return content.decode(encoding), [f"{path.name}: it is not UTF-8 and was read as {name}"] if name else []
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1"), [f"{path.name}: it is not UTF-8 and was read as Latin-1"]


def expect_no_workbook(path: Path) -> None:
    """Raise UsageError where a file is an Excel workbook by its name."""
    if path.name.lower().endswith(_WORKBOOKS) and path.is_file():
        raise UsageError(_workbook(path))


def _workbook(path: Path) -> str:
    return f"{path} is an Excel workbook: save it as CSV UTF-8"


def _inflated(content: bytes) -> bytes:
    """OSError where it has more than _BYTES: a small file may hold any number of zeros."""
    with gzip.open(io.BytesIO(content)) as file:
        inflated = file.read(_BYTES + 1)
    if len(inflated) > _BYTES:
        raise OSError(errno.EFBIG, f"it has more than {_BYTES} bytes")
    return inflated
