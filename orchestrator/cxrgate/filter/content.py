"""What a set of files holds, as one digest: the same images of the same patients have it wherever they lie.

Reading every byte of a large set again takes minutes. So the digest of a file is remembered under its size and time
of change, in a table that names real images and is readable by its owner only.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cxrgate.core import UsageError
from cxrgate.core.digest import file_digest, mapping_digest
from cxrgate.core.progress import Progress, silent
from cxrgate.images import ImageFile
from cxrgate.run.reading import file_stamp
from cxrgate.storage import write_durably

_READERS = 4
_Known = dict[tuple[str, int, int], str]


def content_digest(
    files: Sequence[ImageFile], about: Mapping[str, Any], remembered: Path | None, progress: Progress = silent
) -> str:
    """Sha256, in hex, over every image's name, patient and content, and over `about`.

    Args:
        files: the images, in the order in which they are enrolled.
        about: what else a snapshot of them depends on; a mapping that JSON can hold.
        remembered: table of the files' digests, read and written anew; its folder exists. None reads every file.
        progress: called with "read", the files done now and those in all.

    Raises:
        UsageError: a file cannot be read.
    """
    digests = _file_digests(sorted({file.path for file in files}), remembered, progress)
    listed = [
        [file.image_id, file.patient_id, digests[file.path], file.row and file.row.name, file.value_range]
        for file in files
    ]
    return mapping_digest({"about": dict(about), "images": listed})


def _file_digests(paths: Sequence[Path], remembered: Path | None, progress: Progress) -> dict[Path, str]:
    known: _Known = {} if remembered is None else _read(remembered)
    now: _Known = {}

    def digest(path: Path) -> str:
        # Stamped before it is read: a file that is changed in between has another stamp later, and is read again.
        stamp = (str(path.resolve()), *file_stamp(path))
        found = known.get(stamp) or _digest(path)
        now[stamp] = found
        progress("read", 1, len(paths))
        return found

    with ThreadPoolExecutor(_READERS, "digest") as readers:
        found = dict(zip(paths, readers.map(digest, paths), strict=True))
    if remembered is not None and now.keys() - known.keys():
        _write(remembered, now)
    return found


def _digest(path: Path) -> str:
    if not path.is_file():  # a pipe would never end
        raise UsageError(f"{path} is no regular file: name an image file")
    try:
        return file_digest(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def _read(remembered: Path) -> _Known:
    """The digests by path and stamp; of a table that cannot be read, none: they are computed again."""
    try:
        with remembered.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            return {(path, int(size), int(changed)): sha for path, size, changed, sha in csv.reader(file)}
    except (OSError, ValueError):
        return {}


def _write(remembered: Path, known: _Known) -> None:
    table = io.StringIO()
    csv.writer(table).writerows([*stamp, sha] for stamp, sha in known.items())
    write_durably(remembered, table.getvalue().encode("utf-8", "surrogateescape"), 0o600)
