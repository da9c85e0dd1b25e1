"""How near to a threshold an image is: what a reviewer should look at first among those that may go out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import Policy
from cxrgate.core.spaces import SIMILARITIES
from cxrgate.run.row_groups import row_groups

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 10
"""Released images that every run names."""

Float64s = NDArray[np.float64]


def nearness(policy: Policy, identity: Float64s, similarities: Mapping[str, Float64s]) -> Float64s:
    """How far on the way from the median image to a threshold each image is; 1 lies at the threshold.

    Scores and similarities have scales of their own: so each is held against what is usual in this very set, and the
    larger of the two counts.

    Args:
        policy: has the thresholds.
        identity: standouts, or scores where those decide, float64[n]; NaN where an image has none.
        similarities: by name of a space, float64[n].

    Returns:
        float64[n]; NaN for an image without numbers.
    """
    ways = [_way(identity, policy.identity_threshold)]
    ways += [_way(similarities[space.name], policy.threshold(space)) for space in policy.searched]
    return np.asarray(np.fmax.reduce(ways), dtype=np.float64)


def nearest(found: Float64s, released: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The places of at most SHOWN released images, the nearest to a threshold first, int64[m]."""
    places = np.flatnonzero(released & np.isfinite(found))
    return places[np.argsort(-found[places], kind="stable")][:SHOWN]


def nearest_released(images: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """The rows of the released images that are nearest to a threshold, with their nearness in a column of that name.

    Args:
        images: results of a run, see Results.published.
        policy: by which it decided.
    """
    found = _found(images, policy)
    places = nearest(found, (images["released_as"] != "").to_numpy(bool))
    return images.iloc[places].assign(nearness=found[places])


def nearest_recorded(table: Path, policy: Policy, published: Collection[str]) -> pd.DataFrame:
    """As nearest_released, of a table on the disk: texts stay there, but for those of the rows that it gives.

    Args:
        table: `results.parquet` of a run.
        policy: by which it decided.
        published: names of the files in the released set.
    """
    wanted = [_identity(policy), *(space.similarity for space in policy.searched)]
    numbers = {name: [np.empty(0)] for name in wanted}
    released = [np.empty(0, bool)]
    for part in row_groups(table, [*wanted, "released_as"]):
        for name in wanted:
            numbers[name].append(np.array(part[name], np.float64))
        released.append(np.array([name in published for name in part["released_as"]], bool))
    found = _found({name: np.concatenate(parts) for name, parts in numbers.items()}, policy)
    places = nearest(found, np.concatenate(released))
    columns = ["score", "standout", *SIMILARITIES, "borderline", "image_id", "released_as"]
    return _rows(table, columns, places).assign(nearness=found[places])


def _identity(policy: Policy) -> str:
    """The column that identity is decided by."""
    return "score" if policy.standout is None else "standout"


def _found(numbers: Mapping[str, Any] | pd.DataFrame, policy: Policy) -> Float64s:
    similarities = {space.name: np.asarray(numbers[space.similarity], np.float64) for space in policy.searched}
    return nearness(policy, np.asarray(numbers[_identity(policy)], np.float64), similarities)


def _rows(table: Path, columns: list[str], places: NDArray[np.int64]) -> pd.DataFrame:
    """What stands at some places of a table, in their order."""
    import pandas as pd  # noqa: PLC0415 - takes a while

    found, start = [pd.DataFrame(columns=columns)] if not len(places) else [], 0
    for part in row_groups(table, columns):
        inside = places[(places >= start) & (places < start + len(part))] - start
        if len(inside):
            found.append(part.iloc[inside].set_axis(inside + start))
        start += len(part)
    return pd.concat(found).loc[places]


def _way(values: Float64s, threshold: float) -> Float64s:
    known = values[np.isfinite(values)]
    usual = float(np.median(known)) if len(known) else 0.0
    start = min(usual, 0.9 * threshold)  # in a set of copies the median itself lies at the threshold
    return (values - start) / (threshold - start)
