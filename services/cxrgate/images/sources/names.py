"""Names of images in tables: made safe, found on this disk under their other spellings, and each there once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from cxrgate.core import UsageError
from cxrgate.core.counted import counted
from cxrgate.images.sources.files import ImageFile

_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_SHOWN = 5


def relative_name(name: str) -> str:
    """The name with forward slashes and without `./`; UsageError unless it is a path below its source's folder."""
    if not is_relative(name):
        raise UsageError(
            f"{name!r} is no path relative to the folder of its CSV or data set, and below it: write it so"
        )
    return "/".join(_parts(name))


def is_relative(name: str) -> bool:
    """Whether it is a path that stays below the folder it counts from."""
    outside = _DRIVE.match(name) or name.startswith(("/", "\\"))
    return not outside and ".." not in _parts(name) and "\0" not in name and bool(_parts(name))


def expect_relative(names: Sequence[str], table: Path, lines: Sequence[int]) -> None:
    """Raise UsageError, with the first lines, where names of a table are not relative to its folder, and below it."""
    outside = [f"line {line} {name!r}" for name, line in zip(names, lines, strict=True) if not is_relative(name)]
    if outside:
        more = f" and {len(outside) - _SHOWN} more" if len(outside) > _SHOWN else ""
        named = counted(len(outside), "image is", "images are")
        raise UsageError(
            f"{table}: {named} not named by a path relative to the list's folder, and below it: "
            f"{', '.join(outside[:_SHOWN])}{more}. Put the list beside the images or above them, and cut from each "
            "path what leads to the list's folder"
        )


def _parts(name: str) -> tuple[str, ...]:
    return PurePosixPath(name.replace("\\", "/")).parts


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
        UsageError: there are none, or one is there twice, in whatever Unicode form; with lines, names and patients.
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
    patients = [files[i].patient_id for i in (one, other)]
    # A row without a patient has its name for one, in whatever form that is written.
    named = [patient for patient, i in zip(patients, (one, other), strict=True) if patient != files[i].image_id]
    whose = f", of the patients {patients[0]} and {patients[1]}" if len(set(named)) > 1 else ""
    return f"{files[other].image_id}{where}{whose}"
