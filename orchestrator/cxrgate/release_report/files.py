"""The files that a release report speaks of, by their sha256."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cxrgate.core import GreyImage, UsageError
from cxrgate.core.digest import file_digest
from cxrgate.images import ImageFile
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.release_report.records import EVIDENCE, IMAGES, RUN
from cxrgate.run.release import MANIFEST, read_manifest

RESULTS = (RUN, IMAGES, EVIDENCE, "results.csv", "evidence.csv")
_BATCH = 32


def results_digests(folder: Path) -> dict[str, str]:
    """Sha256 of each file of a run's results; UsageError where one is missing."""
    found = digests(folder, RESULTS)
    if len(found) != len(RESULTS):
        raise UsageError(f"{folder} lacks one of {', '.join(RESULTS)}: name the results folder of a finished run")
    return found


def digests(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Sha256 of those files of a folder that are there."""
    return {name: file_digest(folder / name) for name in names if (folder / name).is_file()}


def released_digests(folder: Path) -> dict[str, str]:
    """Sha256 of each file that lies below a released folder, the manifest's own among them."""
    paths = sorted(path for path in folder.rglob("*") if not path.is_dir())
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in paths}


def check_released(folder: Path, found: Mapping[str, str], images: pd.DataFrame) -> dict[str, Any]:
    """The manifest of a released set that is what a run published: nothing more, nothing else, the checked pixels.

    Nothing less either, but for as many images as it says that reviewers withheld.

    Raises:
        UsageError: a file is changed, missing or none of the run's; the first ones are named.
    """
    manifest = read_manifest(folder)
    listed = manifest["files"]
    names = (listed.keys() | found.keys()) - {MANIFEST}
    _expect_none(folder, [name for name in sorted(names) if listed.get(name) != found.get(name)], MANIFEST)
    checked = dict(zip(images["released_as"], images["pixel_digest"], strict=True))
    _expect_none(folder, sorted(listed.keys() - checked.keys()), "the results")
    absent, withheld = len(checked.keys() - listed.keys() - {""}), manifest.get("withheld", 0)
    if absent != withheld:
        told = f"{withheld} were withheld, {absent} are not there"
        raise UsageError(f"{folder} is not the set of all images without a match that were not withheld; {told}")
    other = asyncio.run(_other_pixels(folder, {name: checked[name] for name in sorted(listed)}))
    _expect_none(folder, other, "the pixels that were checked")
    return manifest


async def _other_pixels(folder: Path, expected: Mapping[str, str]) -> list[str]:
    """Names of the files whose pixels have another digest than expected.

    Raises:
        UsageError: a file cannot be decoded, which a machine that is too busy can be the reason of.
    """
    files = [ImageFile(folder / name, name) for name in expected]
    other = []
    with SandboxedDecoder() as decoder:
        for start in range(0, len(files), _BATCH):
            records = [file.read() for file in files[start : start + _BATCH]]
            for record, image in zip(records, await decoder.decode(records), strict=True):
                if not isinstance(image, GreyImage):
                    raise UsageError(f"{folder}: {record.image_id} is no image that can be read, {image.reason}")
                if image.digest != expected[record.image_id]:
                    other.append(record.image_id)
    return other


def _expect_none(folder: Path, names: Sequence[str], what: str) -> None:
    if names:
        raise UsageError(f"{folder}: files that are not those of {what}: {len(names)}, {', '.join(names[:3])}")
