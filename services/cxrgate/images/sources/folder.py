"""A folder as the source of images. Listing opens no image."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path, PurePosixPath

from cxrgate.core import UsageError
from cxrgate.images.sources.arrays import ENDINGS, list_rows
from cxrgate.images.sources.files import ImageFile
from cxrgate.images.sources.packed import PackedFiles
from cxrgate.images.sources.passed_over import JUNK_FOLDERS, passed_over, passed_over_note


def list_folder(root: Path) -> list[ImageFile]:
    """The images below `root`; see list_counted."""
    return list(list_counted(root)[0])


def list_counted(root: Path) -> tuple[PackedFiles, dict[str, int]]:
    """The images below `root`, sorted by name, and per kind how many files were passed over, see passed_over.

    The first folder below `root` is the class. `root` may be one array file, too; each row of such a file is an image.

    Raises:
        UsageError: no such folder, no image in it, a folder below it that cannot be listed, two files of one name once
            it is written as text, or see list_rows.
    """
    if root.is_file() and root.suffix.lower() in ENDINGS:
        return PackedFiles(root.parent, (replace(file, label="") for file in _images(root.name, root))), {}
    if not root.is_dir():
        raise UsageError(f"{root} is neither a folder of images nor an array file (.npz, .npy)")
    skipped = Counter[str]()
    places = sorted(_walk(root, skipped), key=lambda place: (_legible(place), place))
    for one, other in pairwise(places):
        if _legible(one) == _legible(other):
            raise UsageError(f"{root} has two files that are written as {_legible(one)!r}: rename one of them")
    files = PackedFiles(root, (file for place in places for file in _images(_legible(place), root / place)))
    if not files:
        raise UsageError(f"{root} holds no image. {passed_over_note(skipped)}")
    return files, dict(skipped)


def _images(name: str, path: Path) -> list[ImageFile]:
    """The images in one file: itself, or the rows of the arrays in it."""
    rows = list_rows(path) if path.suffix.lower() in ENDINGS else []
    if not rows:
        return [ImageFile(path, name, _label(name), name)]
    names = [f"{name}/{row.name}" for row in rows]
    return [ImageFile(path, each, _label(name), each, row) for each, row in zip(names, rows, strict=True)]


def _walk(root: Path, skipped: Counter[str]) -> Iterator[str]:
    """Files relative to `root`, links to folders followed; each real folder once, so that a loop of links ends."""
    visited = {_identity(root)}
    for folder, folders, names in os.walk(root, followlinks=True, onerror=_refuse):
        skipped.update(f"{name}/" for name in folders if _is_junk(name))
        folders[:] = _unvisited(Path(folder), [name for name in folders if not _is_junk(name)], visited)
        inside = "".join(f"{part}/" for part in Path(folder).relative_to(root).parts)
        for name in names:
            if kind := passed_over(name):
                skipped[kind] += 1
            else:
                yield inside + name


def _legible(name: str) -> str:
    """The name with each byte that is no UTF-8 written as an escape: no table or manifest could hold it otherwise."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")


def _is_junk(folder: str) -> bool:
    return folder.startswith(".") or folder.casefold() in JUNK_FOLDERS


def _unvisited(folder: Path, names: Sequence[str], visited: set[tuple[int, int]]) -> list[str]:
    """The folders to go into: not seen yet under another name, true folders before links."""
    kept = []
    for name in sorted(names, key=lambda name: ((folder / name).is_symlink(), name)):
        identity = _identity(folder / name)
        if identity not in visited:
            visited.add(identity)
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
