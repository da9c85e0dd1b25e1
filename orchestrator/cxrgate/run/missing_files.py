"""A list of which nothing is there: its names count from another folder, or are written in another way."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from cxrgate.core import UsageError
from cxrgate.images import ImageFile
from cxrgate.images.sources.counted import images

_LOOKED_AT = 20_000
"""Files below the list's folder among which a near name is looked for."""


def expect_some_there(source: Path, files: Sequence[ImageFile]) -> None:
    """Raise UsageError, with where it was looked and a near name that is there, where none of the files is there."""
    if not files or any(_may_be_there(file.path) for file in files):
        return
    folder = source if source.is_dir() else source.parent
    first = files[0].image_id
    near = _near(folder, first)
    found = f"There is {near} below it" if near else "No file below it has a name like that"
    raise UsageError(
        f"{source} lists {images(len(files))}, and there is no such file for any of them: {first} was looked for "
        f"in {folder.absolute()}. {found}. Names count from the folder of the list: correct them, or put the "
        "list where they count from"
    )


def _may_be_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # what keeps it from being read is told of each file by itself
    return True


def _near(folder: Path, name: str) -> str | None:
    """The first file of that name in another case or folder, or else of that name with another ending."""
    wanted = PurePosixPath(name)
    stems = {wanted.stem.casefold(), wanted.name.casefold()}
    other_ending = None
    for place in _below(folder):
        if place.name.casefold() == wanted.name.casefold():
            return place.as_posix()
        if other_ending is None and place.stem.casefold() in stems:
            other_ending = place.as_posix()
    return other_ending


def _below(folder: Path) -> Iterator[Path]:
    left = _LOOKED_AT
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if not left:
                return
            left -= 1
            yield (Path(parent) / name).relative_to(folder)
