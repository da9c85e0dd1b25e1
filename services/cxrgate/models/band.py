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
from cxrgate.core.heads import CalibratedCosineHead, CohortCosineHead
from cxrgate.core.standout import COHORT, SLOPE
from cxrgate.models.manifest import MANIFEST, Dtype, ModelKind, ModelManifest, read_manifest
from cxrgate.models.networks.architectures import EmbedderArchitecture
from cxrgate.models.runtimes.forward import Forward, open_forward
from cxrgate.storage import EVERYBODY_MODE, write_durably

MARGIN = 1.25
"""A band is this much wider than the largest difference seen: other images and other CPUs round otherwise."""
FEWEST = 100
"""Images below which a largest difference says too little."""
WIDEST = 0.999
"""The widest band that a policy takes: nearly everything counts against an image then. Scores and standouts lie between
0 and 1; what is measured of a poor model is a bound on them, and may be more."""

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
    band = min(WIDEST, max(BAND, math.ceil(1000 * MARGIN * moved) / 1000))
    certified = replace(manifest, bands={**manifest.bands, dtype: band})
    content = {**certified.to_json(), "digest": certified.digest}
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_durably(folder / MANIFEST, text.encode(), EVERYBODY_MODE)
    return certified


def _outlying(image: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Views for which frontality lies anywhere between 0 and 1: of plain radiographs it is 1 in any dtype."""
    negative, upended, mirrored = 255 - image, image[::-1], image[:, ::-1]
    mixed = [(image // 4 * share + other // 4 * (4 - share)) for other in (negative, upended) for share in (2, 3)]
    return [negative, upended, np.ascontiguousarray(image.T), mirrored // 2 + image // 2, *mixed]


def _numbers(forward: Forward, pixels: Sequence[NDArray[np.uint8]]) -> Float64s:
    """What is held against a threshold, float64[m]: scores, similarities or standouts of all pairs, and frontality."""
    rows, manifest = forward(pixels), forward.manifest
    width = manifest.architecture.embedding
    cosines = rows[:, :width].astype(np.float64) @ rows[:, :width].T.astype(np.float64)
    if manifest.kind is ModelKind.VERIFICATION:
        head = forward.head
        scores = np.concatenate([head.score(row, rows) for row in rows])
        if not isinstance(head, CalibratedCosineHead | CohortCosineHead):
            return scores
        return np.concatenate([scores, _steepest(np.concatenate([head.similarity(row, rows) for row in rows]))])
    if manifest.kind.finds_pictures:
        return cosines.ravel()
    more = forward([view for image in pixels for view in _outlying(image)])[:, width:].ravel()
    standouts = _standing_out(cosines) if _embeds(manifest) else cosines[:0].ravel()
    return np.concatenate([rows[:, width:].ravel(), more, standouts])


def _embeds(manifest: ModelManifest) -> bool:
    return isinstance(manifest.architecture, EmbedderArchitecture)


def _standing_out(cosines: Float64s) -> Float64s:
    """How far each image stands out towards the others, float64[m], from cosines float64[n, n] of distinct patients.

    The cohort's mean moves with the dtype as well, and other patients may come into it. A margin has the candidate's
    cosine whole, or by half where the verification model's is the other half. A gate's band is the wider one of its
    models': so that it covers the sum of what both move, each is taken twice then.
    """
    others = cosines.copy()
    np.fill_diagonal(others, -np.inf)
    cohorts = np.sort(others, axis=1)[:, -COHORT - 1 : -1].mean(axis=1, keepdims=True)
    return np.concatenate([_steepest(cosines - cohorts), _steepest(cosines - 2 * cohorts)])


def _steepest(margins: Float64s) -> Float64s:
    """A standout moves by no more than a quarter of its slope for each unit of margin."""
    return np.asarray(margins * SLOPE / 4, np.float64).ravel()
