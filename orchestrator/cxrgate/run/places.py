"""Which folder of a run may lie in which: what one run writes is no image of the next, and no key lies beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.gate.config import RunConfig
from cxrgate.run.paths import Paths


def holds(folder: Path, path: Path) -> bool:
    """Whether `path` is `folder` or lies below it, links resolved."""
    return path.resolve().is_relative_to(folder.resolve())


def check_run_places(config: RunConfig) -> None:
    """Check that a run's output does not mix with what it reads, nor with what names real patients.

    Raises:
        UsageError: `output` is or lies in the synthetic images, the real ones or the snapshot, or is the folder of key
            or reference map; one of these lies in a folder that a run makes in its output; or snapshot, key or map lie
            among the synthetic images.
    """
    output, synthetic, paths = config.output, config.synthetic, Paths(config.output)
    # Beside these in one folder, as the demo has all of its own, nothing mixes.
    written = (paths.released, paths.results, paths.journal.parent)
    for key, path, folder in _others(config):
        if within := next((place for place in written if holds(place, path)), None):
            raise UsageError(
                f"`{key}`, {path}, lies in {within}, which a run writes below `output`: name another place for one of "
                "them"
            )
        if folder is not None and holds(folder, output) and (folder == path or holds(output, folder)):
            raise UsageError(
                f"`output`, {output}, is or lies in {folder}, the folder of `{key}`: name another folder as `output`"
            )
    for key, path in _private(config):
        if synthetic.is_dir() and holds(synthetic, path):
            raise UsageError(
                f"`{key}`, {path}, lies among the images to check, {synthetic}: name a folder that holds those images "
                f"alone as `synthetic`, or another place as `{key}`"
            )


def _others(config: RunConfig) -> Iterator[tuple[str, Path, Path | None]]:
    """By its key each place that a run reads or keeps, with the folder that is its own; a list has none."""
    sources = {"synthetic": config.synthetic, **({"enrol.images": config.enrol.images} if config.enrol else {})}
    for key, path in sources.items():
        yield key, path, path if path.is_dir() else None
    for key, path in _private(config):
        # A folder in which the images to check lie, too, is where somebody works, and not one for the key alone. So may
        # be one that has the output below it.
        folder = path if key == "snapshot" else path.parent
        yield key, path, None if holds(folder, config.synthetic) else folder


def _private(config: RunConfig) -> Iterator[tuple[str, Path]]:
    """By its key each place of what names real patients."""
    yield "snapshot", config.snapshot
    if config.enrol is not None:
        yield "enrol.key", config.enrol.key
        yield "enrol.reference_map", config.enrol.reference_map
