"""Files of names that people write, one a line; and what keeps a file from being read, in words."""

from __future__ import annotations

from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.storage.regular_file import read_regular_file

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_WORDS = (
    (FileNotFoundError, "there is no such file; check the name"),
    (IsADirectoryError, "it is a folder; name a file"),
    (NotADirectoryError, "a part of its path is no folder; check the name"),
    (PermissionError, "this user may not read it; check its permissions and those of its folders"),
    (UnicodeDecodeError, "it is not text in UTF-8; save it as UTF-8, or name another file"),
)


def read_lines(path: Path, what: str) -> list[tuple[int, str]]:
    """The lines of a text file that have something on them, with their numbers; spaces around them are cut.

    Args:
        path: plain text, UTF-8 with or without the mark that Excel and Notepad write.
        what: what it is a file of, such as "patient ids"; for the message.

    Raises:
        UsageError: no such file, one that cannot be read, or no UTF-8.
    """
    expected = f"a file of {what}, one a line"
    try:
        content = read_regular_file(path)
        if content.startswith(_UTF16):
            raise UsageError(f"{path} is UTF-16 (Excel's Unicode text), expected {expected}: save it as UTF-8")
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}, expected to be {expected}, cannot be read: {why_unreadable(error)}") from error
    if "\0" in text:
        raise UsageError(f"{path} is binary, expected {expected}: name a text file")
    return [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def why_unreadable(error: Exception) -> str:
    """What keeps a file from being read and what to do, as the end of a sentence; else what the error says."""
    known = next((words for kind, words in _WORDS if isinstance(error, kind)), "")
    return known or (error.strerror if isinstance(error, OSError) else None) or str(error)
