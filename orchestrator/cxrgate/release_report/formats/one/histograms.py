"""Every score as counts per bin, for the claim and not for the eye; frozen, see formats.

No bin lies on both sides of a threshold: each region of an axis is cut into equal bins, about BINS in all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BINS = 40
SLACK = 1e-6
"""Values this far outside the axis are rounding errors of float32 and belong to the outermost bin."""


def histograms(images: pd.DataFrame, policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Name, bins that are not empty, and how many images have no value on the axis.

    Args:
        images: rows of the results.
        policy: whose thresholds part the axes; frontality is told of where it has a minimum.
    """
    thresholds = policy["borderline"], policy["score_threshold"]
    score = graded("Same-patient score", values_of(images, "score"), thresholds, policy["band"])
    return [score, *others(images, policy)]


def graded(name: str, values: NDArray[np.float64], thresholds: tuple[float, float], band: float) -> dict[str, Any]:
    """The number that decides whether it is the same patient, parted at the borderline and at the threshold."""
    return histogram(name, values, [0.0, *(max(threshold - band, 0.0) for threshold in thresholds)], 1.0)


def others(images: pd.DataFrame, policy: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Copy similarity, distance, typicality, and frontality where it has a minimum."""
    band, copy, least = policy["band"], policy["copy_threshold"], policy["minimum_frontality"]
    similarities, distances, typicalities = (
        values_of(images, name) for name in ("similarity", "distance", "typicality")
    )
    above = [] if copy is None else [copy - band]
    yield histogram("Copy similarity", similarities, [_floor(similarities, above), *above], 1.0)
    largest = float(distances[np.isfinite(distances)].max(initial=0)) or 1.0
    yield histogram("Identity distance", distances, [0.0], largest)
    minimum = policy["minimum_typicality"]
    regions = [min(_floor(typicalities, [minimum]), minimum), min(minimum + band, 1.0)]
    yield histogram("Typicality", typicalities, regions, 1.0)
    if least is not None:
        yield histogram("Frontality", values_of(images, "frontality"), [0.0, min(least + band, 1.0)], 1.0)


def values_of(images: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """A column as float64[n]."""
    return images[column].to_numpy(np.float64)


def histogram(name: str, values: NDArray[np.float64], regions: Sequence[float], high: float) -> dict[str, Any]:
    """Values float64[n] over an axis from the first of the rising `regions` to `high`."""
    low = regions[0]
    inside = np.isfinite(values) & (values >= low - SLACK) & (values <= high + SLACK)
    edges = _edges(regions, high)
    counts = np.histogram(values[inside].clip(low, high), edges)[0]
    bins = [
        {"low": float(start), "high": float(end), "count": int(count)}
        for start, end, count in zip(edges[:-1], edges[1:], counts, strict=True)
        if count
    ]
    return {"name": name, "bins": bins, "without_a_value": int((~inside).sum())}


def _edges(regions: Sequence[float], high: float) -> NDArray[np.float64]:
    width = (high - regions[0]) / BINS
    ends = [*regions[1:], high]
    bins = [max(round((end - low) / width), 1) if low < end else 0 for low, end in zip(regions, ends, strict=True)]
    parts = [np.linspace(low, end, count, endpoint=False) for low, end, count in zip(regions, ends, bins, strict=True)]
    return np.append(np.concatenate(parts), high)


def _floor(values: NDArray[np.float64], others: list[float]) -> float:
    """Where a cosine's axis begins: the tenth below everything on it, and at most 0.9."""
    valid = values[np.isfinite(values) & (values >= -1)]
    smallest = min([float(valid.min(initial=0.9)), *others])
    return max(math.floor(smallest * 10 - 1e-9) / 10, -1.0)
