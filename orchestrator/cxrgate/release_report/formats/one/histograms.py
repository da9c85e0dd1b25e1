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
    columns = ("score", "similarity", "distance", "typicality", "frontality")
    return list(_histograms({name: images[name].to_numpy(np.float64) for name in columns}, policy))


def _histograms(values: Mapping[str, NDArray[np.float64]], policy: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    band, copy, least = policy["band"], policy["copy_threshold"], policy["minimum_frontality"]
    thresholds = policy["borderline"], policy["score_threshold"]
    regions = [0.0, *(max(threshold - band, 0.0) for threshold in thresholds)]
    yield _histogram("Same-patient score", values["score"], regions, 1.0)
    above = [] if copy is None else [copy - band]
    regions = [_floor(values["similarity"], above), *above]
    yield _histogram("Copy similarity", values["similarity"], regions, 1.0)
    distances = values["distance"]
    largest = float(distances[np.isfinite(distances)].max(initial=0)) or 1.0
    yield _histogram("Identity distance", distances, [0.0], largest)
    minimum = policy["minimum_typicality"]
    regions = [min(_floor(values["typicality"], [minimum]), minimum), min(minimum + band, 1.0)]
    yield _histogram("Typicality", values["typicality"], regions, 1.0)
    if least is not None:
        yield _histogram("Frontality", values["frontality"], [0.0, min(least + band, 1.0)], 1.0)


def _histogram(name: str, values: NDArray[np.float64], regions: Sequence[float], high: float) -> dict[str, Any]:
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
