"""The part of a snapshot that holds its spaces' codes, so that opening it needs no time for making them.

A small snapshot has none: its codes are made where they are needed, in milliseconds. One that was made by an earlier
version has none either; its codes are made anew at each opening, in seconds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import SnapshotCorrupt
from cxrgate.core.json_text import MALFORMED
from cxrgate.core.spaces import COSINE_SPACES, IDENTITY
from cxrgate.images.descriptors import parts
from cxrgate.index.engines.coded.codes import Codes, encode
from cxrgate.index.engines.coded.fit import FEW, fit
from cxrgate.index.engines.coded.frame import Frame
from cxrgate.index.manifest import PartName
from cxrgate.index.parts import Arrays, Part


def part_name(space: str, place: int) -> str:
    """Name of a part of a cosine space's descriptors, by its place in images.descriptors.parts."""
    return f"{space}_{place}"


def codes_part(arrays: Arrays) -> dict[PartName, Part]:
    """The part CODES of a snapshot with these arrays, see parts.Derive; none where there are few references."""
    if len(arrays[IDENTITY]) < FEW:
        return {}
    spaces = {IDENTITY: arrays[IDENTITY]}
    for name in (space.name for space in COSINE_SPACES):
        spaces |= {part_name(name, place): rows for place, rows in enumerate(parts(name, arrays[name]))}
    about: dict[str, dict[str, float]] = {}
    files: dict[str, NDArray[Any]] = {}
    for space, rows in spaces.items():
        codes = encode(rows, fit(rows))
        frame = codes.frame
        about[space] = {"step": frame.step, "error": codes.error}
        files[f"{space}_packed"] = codes.packed
        files[f"{space}_starts"] = codes.starts
        files[f"{space}_axes"] = frame.axes
        files[f"{space}_offsets"] = np.concatenate([frame.rest, frame.shift, frame.centre])
    return {PartName.CODES: Part(about, files)}


def stored_codes(part: Part | None, space: str, rows: NDArray[np.float32]) -> Codes | None:
    """The codes of a space's rows float32[n, d] in the part CODES, or None where there is no such part.

    Raises:
        SnapshotCorrupt: they are not codes of these rows.
    """
    if part is None:
        return None
    try:
        about, arrays = part.about[space], part.arrays
        axes = np.asarray(arrays[f"{space}_axes"])
        numbers = axes.shape[1]
        rest, shift, centre = np.split(np.asarray(arrays[f"{space}_offsets"]), [numbers, 2 * numbers])
        frame = Frame(axes, rest, shift, centre, float(about["step"]))
        codes = Codes(frame, arrays[f"{space}_packed"], arrays[f"{space}_starts"], float(about["error"]))
        codes.check(rows)
    except MALFORMED as error:
        raise SnapshotCorrupt(f"the codes of the space {space} do not belong to its embeddings: {error}") from error
    return codes
