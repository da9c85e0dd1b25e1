"""What the filter computes with: loaded when a filter is opened, and not before."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from cxrgate.core import GreyImage, ImageError
from cxrgate.core.ports import Decoder
from cxrgate.gate.config import GateConfig
from cxrgate.gate.dtypes import DtypeRule
from cxrgate.gate.opening import IN_THIS_PROCESS, open_gate, open_models
from cxrgate.gate.pipeline import Gate
from cxrgate.images import ImageFile
from cxrgate.images.codec.encode import encode_png
from cxrgate.images.sources.tables import read_table
from cxrgate.run_page.pictures import SIDE


@asynccontextmanager
async def open_here(config: GateConfig) -> AsyncIterator[Gate]:
    """The gate with every stage in this process; errors as open_models and open_gate."""
    async with (
        open_models(config.folders, config.device, IN_THIS_PROCESS, DtypeRule.of(config)) as models,
        open_gate(config, models, IN_THIS_PROCESS) as (gate, _),
    ):
        yield gate


def read_references(path: Path) -> dict[str, Path]:
    """The real files by reference id, from the map that enrolment wrote; errors as read_table."""
    return {row["reference_id"]: Path(row["path"]) for row in read_table(path, ("reference_id", "path"))}


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
