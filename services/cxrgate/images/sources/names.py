"""Names of images in tables: made safe, found on this disk under their other spellings, and each there once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from cxrgate.core import UsageError
from cxrgate.images.sources.files import ImageFile

_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_SHOWN = 5


def relative_name(name: str) -> str:
    """The name with forward slashes and without `./`; UsageError unless it is a path below its source's folder."""
    plain = name.replace("\\", "/")
    parts = PurePosixPath(plain).parts
    if not name or _DRIVE.match(name) or plain.startswith("/") or ".." in parts or "\0" in name or not parts:
        raise UsageError(
            f"{name!r} is no path relative to the folder of its CSV or data set, and below it: write it so"
        )
    return "/".join(parts)


def place(root: Path, name: str) -> Path:
    """Where an image of that name lies below the root, in whichever Unicode form the disk has its name."""
    path = root / name
    if name.isascii() or path.exists():
        return path
    others = (root / unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    return next((other for other in others if other.exists()), path)


def distinct(files: Sequence[ImageFile], table: Path, lines: Sequence[int] | None = None) -> list[ImageFile]:
    """The files themselves.

    Args:
        files: of a table's rows.
        table: for the message.
        lines: of each file in the table.

    Raises:
        UsageError: there are none, or one is there twice, in whatever Unicode form; with lines and names.
    """
    first: dict[str, int] = {}
    twice = []
    for i, file in enumerate(files):
        key = unicodedata.normalize("NFC", file.image_id)
        if key in first:
            twice.append(_both(files, lines, first[key], i))
        first.setdefault(key, i)
    if twice:
        more = f" and {len(twice) - _SHOWN} more" if len(twice) > _SHOWN else ""
        raise UsageError(f"{table}: every image may be there once, twice are {'; '.join(twice[:_SHOWN])}{more}")
    if not files:
        raise UsageError(f"{table} lists no image")
    return list(files)


def _both(files: Sequence[ImageFile], lines: Sequence[int] | None, one: int, other: int) -> str:
    where = "" if lines is None else f" (lines {lines[one]} and {lines[other]})"
    return f"{files[other].image_id}{where}"
