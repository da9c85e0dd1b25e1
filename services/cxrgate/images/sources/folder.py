"""A folder as the source of images. Listing opens no image."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path, PurePosixPath

from cxrgate.core import UsageError
from cxrgate.images.sources.arrays import ENDINGS, list_rows
from cxrgate.images.sources.files import ImageFile
from cxrgate.images.sources.packed import PackedFiles
from cxrgate.images.sources.passed_over import JUNK_FOLDERS, PassedOver, passed_over
from cxrgate.images.sources.table_text import expect_no_workbook

_OTHER_TABLES = (".parquet", ".feather", ".arrow", ".json", ".jsonl", ".txt", ".ods", ".dta", ".sav", ".pkl", ".sqlite")
"""Endings of tables that are not read."""


def list_folder(root: Path) -> list[ImageFile]:
    """The images below `root`; see list_told."""
    return list(list_told(root)[0])


def list_told(root: Path) -> tuple[PackedFiles, tuple[str, ...]]:
    """The images below `root`, sorted by name, and sentences on what was passed over, see PassedOver.

    The first folder below `root` is the class. `root` may be one array file, too; each row of such a file is an image.

    Raises:
        UsageError: no such folder, no image in it, a folder below it that cannot be listed, two files of one name once
            it is written as text, or see list_rows.
    """
    skipped = PassedOver()
    if root.is_file() and root.suffix.lower() in ENDINGS:
        files = PackedFiles(root.parent, (replace(file, label="") for file in _images(root.name, root, skipped)))
        return files, skipped.notes
    if not root.is_dir():
        raise UsageError(_no_source(root))
    places = sorted(_walk(root, skipped), key=lambda place: (_legible(place), place))
    for one, other in pairwise(places):
        if _legible(one) == _legible(other):
            raise UsageError(f"{root} has two files that are written as {_legible(one)!r}: rename one of them")
    files = PackedFiles(root, (file for place in places for file in _images(_legible(place), root / place, skipped)))
    if not files:
        raise UsageError(". ".join([f"{root} holds no image", *skipped.notes]))
    return files, skipped.notes


def _no_source(root: Path) -> str:
    """Why nothing can be listed at a path that is neither a folder nor a file of arrays; UsageError for a workbook."""
    if not root.exists():
        return f"{root}: nothing is there. Check the name"
    expect_no_workbook(root)
    wrong = f"{root} is neither a folder of images, nor a list (.csv or .tsv, plain or .gz), nor a file of arrays"
    if root.suffix.lower() in _OTHER_TABLES:
        return f"{wrong} (.npz, .npy): save the table as CSV"
    return f"{wrong} (.npz, .npy): name one of these, or the folder that it lies in"


def count_files(root: Path) -> int:
    """How many files below `root` count as images by their names; UsageError for a folder that cannot be listed."""
    return sum(1 for _ in _walk(root, PassedOver()))


def _images(name: str, path: Path, skipped: PassedOver) -> list[ImageFile]:
    """The images in one file: itself, or the rows of the arrays in it."""
    rows = list_rows(path, skipped.labels) if path.suffix.lower() in ENDINGS else []
    if not rows:
        return [ImageFile(path, name, _label(name), name)]
    names = [f"{name}/{row.name}" for row in rows]
    return [ImageFile(path, each, _label(name), each, row) for each, row in zip(names, rows, strict=True)]


def _walk(root: Path, skipped: PassedOver) -> Iterator[str]:
    """Files relative to `root`, links to folders followed; each real folder once, so that a loop of links ends."""
    visited = {_identity(root): "."}
    for folder, folders, names in os.walk(root, followlinks=True, onerror=_refuse):
        inside = "".join(f"{part}/" for part in Path(folder).relative_to(root).parts)
        skipped.junk.update(name for name in folders if _is_junk(name))
        known = [name for name in folders if not _is_junk(name)]
        folders[:] = _unvisited(Path(folder), inside, known, visited, skipped.folders)
        for name in names:
            if kind := passed_over(name):
                skipped.names[kind] += 1
            else:
                yield inside + name


def _legible(name: str) -> str:
    """The name with each byte that is no UTF-8 written as an escape: no table or manifest could hold it otherwise."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")


def _is_junk(folder: str) -> bool:
    return folder.startswith(".") or folder.casefold() in JUNK_FOLDERS


def _unvisited(
    folder: Path,
    inside: str,
    names: Sequence[str],
    visited: dict[tuple[int, int], str],
    skipped: dict[str, str],
) -> list[str]:
    """The folders to go into: not seen yet under another name, true folders before links; others go to `skipped`."""
    kept = []
    for name in sorted(names, key=lambda name: ((folder / name).is_symlink(), name)):
        identity = _identity(folder / name)
        place = _legible(inside + name)
        if identity in visited:
            skipped[place] = visited[identity]
        else:
            visited[identity] = place
            kept.append(name)
    return kept


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _refuse(error: OSError) -> None:
    """A folder that cannot be listed would leave its images out unseen."""
    raise UsageError(
        f"{error.filename} cannot be listed: {error.strerror}. Its images would be left out unseen"
    ) from error


def _label(name: str) -> str:
    parts = PurePosixPath(name).parts
    return parts[0] if len(parts) > 1 else ""
