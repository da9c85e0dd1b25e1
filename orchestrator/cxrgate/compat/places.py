"""Which folder may lie in which: what names real images never lies where the released set does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.run.places import holds
from cxrgate.run.release import MANIFEST


def check_places(released: Path, outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Check that released set, outputs and inputs do not mix, and that nothing but a released set gets replaced.

    Raises:
        UsageError: an output would lie in the released set or among the inputs, the released set would lie in an
            input or hold one, or what lies at its place is neither ours nor anonymization-pipeline's.
    """
    for output in outputs:
        if holds(released, output):
            raise UsageError(
                f"{output} names real images and must not lie in the released set {released}: name another place"
            )
    for source in inputs:
        for output in outputs:
            if holds(source, output):
                raise UsageError(f"{output} must not lie in {source}: it would be taken for an image")
        if holds(source, released) or holds(released, source):
            raise UsageError(f"{released} and {source} must lie apart: the released set replaces what lies there")
    if not _replaceable(released):
        raise UsageError(
            f"{released} would be replaced and is no released set (it has no {MANIFEST}): name another folder"
        )


def _replaceable(folder: Path) -> bool:
    if folder.is_symlink() or not folder.is_dir():
        return not folder.is_symlink() and not folder.exists()
    return (folder / MANIFEST).is_file() or _only_links(folder.rglob("*"))


def _only_links(paths: Iterable[Path]) -> bool:
    """True of an empty folder and of anonymization-pipeline's filtered data set, which is made of symbolic links."""
    return all(path.is_symlink() or path.is_dir() for path in paths)
