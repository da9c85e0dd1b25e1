"""How far a dtype moves a model's numbers: its band, measured on images and written into the model's manifest."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import BAND, ModelError
from cxrgate.core.standout import Standout
from cxrgate.models.manifest import MANIFEST, Dtype, ModelKind, ModelManifest, read_manifest
from cxrgate.models.networks.architectures import EmbedderArchitecture
from cxrgate.models.runtimes.forward import Forward, open_forward
from cxrgate.storage import write_durably

MARGIN = 1.25
"""A band is this much wider than the largest difference seen: other images and other CPUs round otherwise."""
FEWEST = 100
"""Images below which a largest difference says too little."""

Float64s = NDArray[np.float64]


def certify_band(folder: Path, dtype: Dtype, pixels: Sequence[NDArray[np.uint8]], device: str = "cpu") -> ModelManifest:
    """Measure a dtype's band on images and write it into the model's manifest, whose digest stays what it is.

    Args:
        folder: the model folder.
        dtype: whose band; float32 is what it is measured against.
        pixels: FEWEST or more images uint8[h, w], as a gate sees them.
        device: see open_forward.

    Raises:
        ModelError: too few images, float32, a number that is not finite, or as open_forward.
    """
    if dtype is Dtype.FLOAT32:
        raise ModelError("a band is measured against float32: name bfloat16 or float16")
    if len(pixels) < FEWEST:
        raise ModelError(f"{len(pixels)} images are too few to measure a band on: give {FEWEST} or more")
    manifest = read_manifest(folder)
    both = (replace(manifest, dtype=each) for each in (Dtype.FLOAT32, dtype))
    exact, cast = (_numbers(open_forward(folder, device, each), pixels) for each in both)
    moved = float(np.abs(exact - cast).max(initial=0))
    if not math.isfinite(moved):
        raise ModelError(f"{folder} gives numbers that are not finite in {dtype}")
    certified = replace(manifest, bands={**manifest.bands, dtype: max(BAND, math.ceil(1000 * MARGIN * moved) / 1000)})
    content = {**certified.to_json(), "digest": certified.digest}
    write_durably(folder / MANIFEST, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
    return certified


def _outlying(image: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Views for which frontality lies anywhere between 0 and 1: of plain radiographs it is 1 in any dtype."""
    negative, upended, mirrored = 255 - image, image[::-1], image[:, ::-1]
    mixed = [(image // 4 * share + other // 4 * (4 - share)) for other in (negative, upended) for share in (2, 3)]
    return [negative, upended, np.ascontiguousarray(image.T), mirrored // 2 + image // 2, *mixed]


def _numbers(forward: Forward, pixels: Sequence[NDArray[np.uint8]]) -> Float64s:
    """What is held against a threshold, float64[m]: scores, similarities or standouts of all pairs, and frontality."""
    rows, manifest = forward(pixels), forward.manifest
    if manifest.kind is ModelKind.VERIFICATION:
        return np.concatenate([forward.head.score(row, rows) for row in rows])
    width = manifest.architecture.embedding
    cosines = (rows[:, :width].astype(np.float64) @ rows[:, :width].T.astype(np.float64)).ravel()
    if manifest.kind.finds_pictures:
        return cosines
    more = forward([view for image in pixels for view in _outlying(image)])[:, width:].ravel()
    # A standout moves by no more than a quarter of its slope for each unit of similarity.
    standouts = (
        cosines * Standout().slope / 4 if isinstance(manifest.architecture, EmbedderArchitecture) else cosines[:0]
    )
    return np.concatenate([rows[:, width:].ravel(), more, standouts])
