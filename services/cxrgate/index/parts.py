"""The optional parts of a snapshot: what one is in memory, and how it is written and follows a change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import SnapshotError
from cxrgate.index.array_files import join_rows, write_array
from cxrgate.index.manifest import PartEntry, PartName

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part's numbers and arrays; see PartEntry."""

    about: Mapping[str, Any]
    arrays: Arrays = field(default_factory=dict, repr=False)
    per_reference: bool = False


Derive = Callable[[Arrays], Mapping[PartName, Part]]
"""Makes parts from the references' arrays (those of ARRAYS), which may be mapped: after a build or a change."""


def no_parts(_: Arrays) -> Mapping[PartName, Part]:
    """Derives nothing."""
    return {}


def write_part(folder: Path, name: str, part: Part, references: int, data_key: bytes | None = None) -> PartEntry:
    """Write a part's arrays and give its entry; SnapshotError where it wants a row per reference and has not."""
    lengths = {len(array) for array in part.arrays.values()}
    if part.per_reference and lengths != {references}:
        raise SnapshotError(
            f"the part {name} has {sorted(lengths)} rows for {references} references: it is another snapshot's"
        )
    arrays = {array: write_array(folder, f"{name}.{array}", part.arrays[array], data_key) for array in part.arrays}
    return PartEntry(dict(part.about), arrays, part.per_reference)


def following(
    folder: Path,
    parts: Mapping[PartName, Part],
    kept: NDArray[np.int64],
    added: Arrays,
    count: int,
    data_key: bytes | None,
) -> dict[PartName, Part]:
    """The parts with a row per reference, for a changed snapshot.

    Args:
        folder: of the changed snapshot, see join_rows.
        parts: of the base.
        kept: int64, the base's rows that stay.
        added: rows that follow, by PART.ARRAY; a part without any gets rows of zeros, which stand for "not known".
        count: how many rows follow.
        data_key: that the changed snapshot is sealed with.
    """

    def rows(name: str, array: NDArray[Any]) -> NDArray[Any]:
        more = added.get(name, np.zeros((count, *array.shape[1:]), array.dtype))
        if (more.dtype, more.shape) != (array.dtype, (count, *array.shape[1:])):
            raise SnapshotError(
                f"{name} is {array.dtype}{array.shape[1:]} here and {more.dtype}{more.shape[1:]} in what is added"
            )
        return join_rows(folder, name, array, kept, more, data_key)

    return {
        name: replace(part, arrays={key: rows(f"{name}.{key}", array) for key, array in part.arrays.items()})
        for name, part in parts.items()
        if part.per_reference
    }
