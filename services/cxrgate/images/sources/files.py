"""Where images come from: a folder or a CSV. Listing opens no image; reading one never stops a run."""

from __future__ import annotations

import csv
import gzip
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TextIO

from cxrgate.core import ImageError, ImageRecord, MediaType, UsageError
from cxrgate.images.codec.limits import MAXIMUM_BYTES

_DECLARED = {
    ".png": MediaType.PNG,
    ".jpg": MediaType.JPEG,
    ".jpeg": MediaType.JPEG,
    ".dcm": MediaType.DICOM,
    ".dicom": MediaType.DICOM,
}


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One image of a source. `image_id` is its path relative to the source, with forward slashes.

    `label` is its class ("" without one); `patient_id` whose it is (the image itself where the source has no
    patients: then every image counts as another patient).
    """

    path: Path
    image_id: str
    label: str = ""
    patient_id: str = ""

    def read(self) -> ImageRecord:
        """Read the file.

        Raises:
            ImageError: FILE_UNREADABLE, FILE_IRREGULAR (a pipe or device is never opened for reading) or
                FILE_TOO_LARGE.
        """
        declared = _DECLARED.get(self.path.suffix.lower())
        return ImageRecord(self.image_id, read_regular(self.path), self.label, declared)


def read_regular(path: Path) -> bytes:
    """The content of a regular file of at most 32 MiB; errors as ImageFile.read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ImageError("FILE_UNREADABLE", "expected a file that can be opened") from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ImageError("FILE_IRREGULAR", "expected a regular file")
        if status.st_size > MAXIMUM_BYTES:
            raise ImageError("FILE_TOO_LARGE", f"expected at most {MAXIMUM_BYTES} bytes, got {status.st_size}")
        return file.read(MAXIMUM_BYTES + 1)


def list_folder(root: Path) -> list[ImageFile]:
    """Every file below `root` but hidden ones, sorted by name; the first folder below `root` is the class.

    Raises:
        UsageError: no such folder, no file in it, or a folder below it that cannot be listed.
    """
    if not root.is_dir():
        raise UsageError(f"expected a folder of images, got {root}")
    files = [ImageFile(path, name, _label(name), name) for name, path in sorted(_walk(root))]
    if not files:
        raise UsageError(f"expected images in {root}, found no file")
    return files


def _walk(root: Path) -> Iterator[tuple[str, Path]]:
    """Names and paths below `root`, links to folders followed; each real folder once, so that a loop of links ends."""
    visited = {_identity(root)}
    for folder, folders, names in os.walk(root, followlinks=True, onerror=_refuse):
        folders[:] = _unvisited(Path(folder), folders, visited)
        for name in names:
            if not name.startswith("."):
                path = Path(folder) / name
                yield path.relative_to(root).as_posix(), path


def _unvisited(folder: Path, names: Sequence[str], visited: set[tuple[int, int]]) -> list[str]:
    """The folders to go into: not hidden and not seen yet under another name, true folders before links."""
    kept = []
    for name in sorted(names, key=lambda name: ((folder / name).is_symlink(), name)):
        identity = _identity(folder / name)
        if not name.startswith(".") and identity not in visited:
            visited.add(identity)
            kept.append(name)
    return kept


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _refuse(error: OSError) -> None:
    """A folder that cannot be listed would leave its images out unseen."""
    raise UsageError(f"expected a folder that can be listed, {error.filename}: {error.strerror}") from error


def _label(name: str) -> str:
    parts = PurePosixPath(name).parts
    return parts[0] if len(parts) > 1 else ""


def list_csv(path: Path) -> list[ImageFile]:
    """The rows of a CSV with the column `image` (relative to the CSV's folder), and `patient_id` and `label` if any.

    Raises:
        UsageError: no such file, no such column, an empty or repeated image, or a path that leaves the folder.
    """
    rows = read_table(path, ("image",))
    return distinct([_row(path.parent, row) for row in rows], path)


def _row(root: Path, row: dict[str, str]) -> ImageFile:
    name = relative_name(row["image"])
    return ImageFile(root / name, name, row.get("label") or "", row.get("patient_id") or name)


def relative_name(name: str) -> str:
    """`name` itself; UsageError unless it is a path relative to its source's folder and below it."""
    if not name or name.startswith("/") or ".." in PurePosixPath(name).parts or "\0" in name:
        raise UsageError(f"expected an image relative to the folder of its CSV or data set, and below it, got {name!r}")
    return name


def distinct(files: list[ImageFile], table: Path) -> list[ImageFile]:
    """The files themselves; UsageError when there are none or `table` names one twice."""
    names = {file.image_id for file in files}
    if not files or len(names) != len(files):
        raise UsageError(f"{table}: expected images, and every one once; got {len(files)}, {len(names)} different")
    return files


def read_table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a CSV, gzipped or not, with a header that has `columns`.

    Raises:
        UsageError: no such file, not UTF-8, a column is missing, no row, or a row of another length.
    """
    try:
        with _open(path) as file:
            reader = csv.DictReader(file, strict=True, restval=None)
            rows = list(reader)
            header = reader.fieldnames or ()
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"expected a CSV file with a header, {path}: {error}") from error
    missing = [column for column in columns if column not in header]
    if missing or not rows:
        raise UsageError(f"{path}: expected rows with the columns {', '.join(columns)}; missing: {missing}")
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise UsageError(f"{path}, row {number}: expected {len(header)} fields")
    return rows


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", newline="", encoding="utf-8-sig")
    return path.open(newline="", encoding="utf-8-sig")
