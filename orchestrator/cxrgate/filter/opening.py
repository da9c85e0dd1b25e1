"""What the filter computes with: loaded when a filter is opened, and not before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from cxrgate.core import GreyImage, ImageError, UsageError
from cxrgate.core.ports import Decoder
from cxrgate.core.progress import Progress, Tell
from cxrgate.filter.cached_snapshot import is_snapshot, open_or_enrol
from cxrgate.filter.given import Range
from cxrgate.filter.held_references import Patients, held_references
from cxrgate.gate.config import GateConfig
from cxrgate.gate.dtypes import DtypeRule
from cxrgate.gate.local import local_models
from cxrgate.gate.opening import IN_THIS_PROCESS, open_gate, open_models
from cxrgate.gate.pipeline import Gate
from cxrgate.images import ImageFile
from cxrgate.images.codec.encode import encode_png
from cxrgate.images.sources.tables import read_table
from cxrgate.index.measurement_text import recognised_by
from cxrgate.run_page.pictures import SIDE


@dataclass(frozen=True, slots=True)
class Opened:
    """A gate in this process, the snapshot behind it, and the real files by reference id as far as they are known."""

    gate: Gate
    snapshot: Path
    references: Mapping[str, Path]


@asynccontextmanager
async def open_here(config: GateConfig, reference_map: Path | None) -> AsyncIterator[Opened]:
    """The gate with every stage in this process; errors as read_table, open_models and open_gate."""
    references = {} if reference_map is None else read_references(reference_map)
    async with (
        open_models(config.folders, config.device, IN_THIS_PROCESS, DtypeRule.of(config)) as models,
        open_gate(config, models, IN_THIS_PROCESS) as (gate, _),
    ):
        yield Opened(gate, config.snapshot, references)


@asynccontextmanager
async def enrol_here(
    config: GateConfig,
    listing: Mapping[str, Any],
    progress: Progress,
    tell: Tell,
    files: Mapping[str, Path] | None = None,
) -> AsyncIterator[Opened]:
    """The same over the cached snapshot of the images at `config.snapshot`; errors as open_or_enrol, too.

    `files` says by their names where the images lie now, for those that lay elsewhere when they were enrolled.

    Raises:
        UsageError: a storage key was given, and no snapshot: what is enrolled here is not sealed.
    """
    if config.storage_key is not None and not is_snapshot(config.snapshot):
        raise UsageError(f"{config.snapshot} is no snapshot, and a storage key is given: leave the key out")
    with local_models(config.folders, config.device, DtypeRule.of(config)) as models:
        # In a thread: enrolment runs an event loop of its own.
        cached = await asyncio.to_thread(
            open_or_enrol,
            config.snapshot,
            models,
            listing=listing,
            workers=config.decode_workers,
            progress=progress,
            tell=tell,
            remember=files is None,
            keypoints=config.policy.match_threshold is not None,
        )
        references = {} if cached.reference_map is None else read_references(cached.reference_map, files)
        found = config.model_copy(update={"snapshot": cached.snapshot})
        async with open_gate(found, models, IN_THIS_PROCESS) as (gate, snapshot):
            if told := recognised_by(snapshot, gate.policy.promise):
                tell(told)
            yield Opened(gate, cached.snapshot, references)


@asynccontextmanager
async def enrol_held(
    config: GateConfig,
    images: Any,
    patients: Patients,
    float_range: Range | None,
    listing: Mapping[str, Any],
    progress: Progress,
    tell: Tell,
) -> AsyncIterator[Opened]:
    """The same over images in memory; errors as held_references, too."""
    own = bool(listing.get("every_image_is_a_patient"))
    with held_references(images, patients, float_range, own=own) as held:
        there = config.model_copy(update={"snapshot": held.listed})
        named = {"float_range": held.float_range, **listing}
        async with enrol_here(there, named, progress, tell, held.files) as opened:
            yield opened


def read_references(path: Path, files: Mapping[str, Path] | None = None) -> dict[str, Path]:
    """The real files by reference id, from the map that enrolment wrote; errors as read_table.

    `files` has them by their names in place of where the map says. A row of an array file is a path below that file.
    """
    rows = read_table(path, ("reference_id", "image", "path"))
    if files is not None:
        return {row["reference_id"]: files[row["image"]] for row in rows}
    return {row["reference_id"]: _place(Path(row["path"]), row["image"]) for row in rows}


def _place(path: Path, image: str) -> Path:
    """Where an image lies: of an array file also which array and row, as its name in the list has them."""
    # Array files are read by a module that loads the decoders, too.
    from cxrgate.images.sources.arrays import ENDINGS  # noqa: PLC0415

    parts = PurePosixPath(image).parts
    ends = [number for number, part in enumerate(parts[:-1], 1) if PurePosixPath(part).suffix.lower() in ENDINGS]
    is_row = ends and path.suffix.lower() in ENDINGS
    return path.joinpath(*parts[ends[-1] :]) if is_row else path


def encoded(image: GreyImage) -> bytes:
    """The judged pixels as a PNG."""
    return encode_png(image.pixels)


def preview(image: GreyImage) -> bytes:
    """The pixels as a small PNG of at most SIDE pixels a side."""
    small = Image.fromarray(image.pixels)
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return encode_png(np.asarray(small))


async def reference_previews(decoder: Decoder, paths: Sequence[Path | None]) -> list[bytes]:
    """A small PNG of each file, b"" for one that is not known or cannot be read."""
    return [b"" if path is None else await _preview_of(decoder, path) for path in paths]


async def _preview_of(decoder: Decoder, path: Path) -> bytes:
    try:
        (found,) = await decoder.decode([ImageFile(path, "reference").read()])
    except ImageError:
        return b""
    return preview(found) if isinstance(found, GreyImage) else b""
