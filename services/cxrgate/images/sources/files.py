"""Files of images, and the folder as their source. Listing opens no image; reading one never stops a run."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from cxrgate.core import ImageRecord, MediaType, UsageError
from cxrgate.images.sources.arrays import ENDINGS, ArrayRow, list_rows, read_row
from cxrgate.images.sources.passed_over import JUNK_FOLDERS, passed_over, passed_over_note
from cxrgate.images.sources.regular import read_regular

_DICOM_NAMES = {".dcm", ".dicom", ".dic", ".ima"}
"""Endings that say DICOM, which a file without preamble needs; the other kinds are told by their content alone."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One image of a source. `image_id` is its path relative to the source, with forward slashes.

    `label` is its class ("" without one); `patient_id` whose it is (the image itself where the source has no
    patients: then every image counts as another patient). `row` says which image of an array file it is, and
    `value_range` what an array's floats call black and white.
    """

    path: Path
    image_id: str
    label: str = ""
    patient_id: str = ""
    row: ArrayRow | None = None
    value_range: tuple[float, float] | None = None

    def read(self) -> ImageRecord:
        """Read the file.

        Raises:
            ImageError: as read_regular.
        """
        content = read_row(self.path, self.row) if self.row else read_regular(self.path)
        return ImageRecord(self.image_id, content, self.label, self.declared, self.value_range)

    @property
    def declared(self) -> MediaType | None:
        """What its name says that it is: DICOM or, as no other ending counts, nothing."""
        return MediaType.DICOM if self.path.suffix.lower() in _DICOM_NAMES else None


def list_folder(root: Path) -> list[ImageFile]:
    """The images below `root`; see list_counted."""
    return list_counted(root)[0]


def list_counted(root: Path) -> tuple[list[ImageFile], dict[str, int]]:
    """The images below `root`, sorted by name, and per kind how many files were passed over, see passed_over.

    The first folder below `root` is the class. `root` may be one array file, too; each row of such a file is an image.

    Raises:
        UsageError: no such folder, no image in it, a folder below it that cannot be listed, or see list_rows.
    """
    if root.is_file() and root.suffix.lower() in ENDINGS:
        return [replace(file, label="") for file in _images(root.name, root)], {}
    if not root.is_dir():
        raise UsageError(f"{root} is neither a folder of images nor an array file (.npz, .npy)")
    skipped = Counter[str]()
    files = [file for name, path in sorted(_walk(root, skipped)) for file in _images(name, path)]
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


def _walk(root: Path, skipped: Counter[str]) -> Iterator[tuple[str, Path]]:
    """Names and paths below `root`, links to folders followed; each real folder once, so that a loop of links ends."""
    visited = {_identity(root)}
    for folder, folders, names in os.walk(root, followlinks=True, onerror=_refuse):
        skipped.update(f"{name}/" for name in folders if _is_junk(name))
        folders[:] = _unvisited(Path(folder), [name for name in folders if not _is_junk(name)], visited)
        for name in names:
            if kind := passed_over(name):
                skipped[kind] += 1
            else:
                path = Path(folder) / name
                yield _legible(path.relative_to(root).as_posix()), path


def _legible(name: str) -> str:
    """The name with each byte that is no UTF-8 written as an escape: no table or manifest could hold it otherwise."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


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
    return sys.intern(parts[0]) if len(parts) > 1 else ""  # one text for all images of a class
