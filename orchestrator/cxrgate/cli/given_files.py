"""The images that are named on a command line: folders, lists, arrays and files, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.core.progress import Tell
from cxrgate.images import ImageFile, SourceOptions, read_listing
from cxrgate.images.sources.table_text import expect_no_workbook
from cxrgate.images.sources.tables import is_table

_ARRAYS = {".npy", ".npz"}


def given_files(paths: Sequence[Path], float_range: tuple[float, float] | None, tell: Tell) -> dict[str, ImageFile]:
    """The images by name, in the order of the paths.

    The images of a single folder or list have their names in it; beside other paths, the path comes before.

    Args:
        paths: folders of images, lists with the column image, .npy and .npz files, or single images.
        float_range: what floats of arrays call black and white.
        tell: called with how a folder or list was understood.

    Raises:
        UsageError: as read_listing; or no such path, an Excel workbook, or two images of one name.
    """
    found: dict[str, ImageFile] = {}
    for path in paths:
        for name, file in _of(path, float_range, tell, alone=len(paths) == 1):
            if name in found:
                raise UsageError(f"{name} is named twice: name every image once")
            found[name] = file
    return found


def _of(path: Path, float_range: tuple[float, float] | None, tell: Tell, *, alone: bool) -> list[tuple[str, ImageFile]]:
    if not path.exists():
        raise UsageError(f"there is nothing at {path}: name images, a folder of them or a list")
    expect_no_workbook(path)
    if not (path.is_dir() or is_table(path) or path.suffix.lower() in _ARRAYS):
        return [(str(path), ImageFile(path, str(path), value_range=float_range))]
    listing = read_listing(path, SourceOptions(float_range=float_range))
    for sentence in listing.sentences:
        tell(f"to check: {sentence}")
    folder = path if path.is_dir() else path.parent
    return [(file.image_id if alone else (folder / file.image_id).as_posix(), file) for file in listing.files]
