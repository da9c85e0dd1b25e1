"""The part of a snapshot that holds its references' keypoints, and the matches of an image with some of them.

    rows   uint8[n, ROW_BYTES]   of each reference, see core.keypoints

A snapshot has the part where its enrolment was to keep keypoints, and then for every reference: a row that is missing
would be a copy that passes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import MismatchError, SnapshotCorrupt, SnapshotError
from cxrgate.core.keypoints import METHOD, ROW_BYTES, Keypoints
from cxrgate.core.matching import agreeing_matches
from cxrgate.index.manifest import ArrayEntry, PartEntry, PartName, SnapshotManifest
from cxrgate.index.parts import Arrays, Part

ROWS = "rows"
FILE = f"{PartName.KEYPOINTS}.{ROWS}"
"""The rows among the arrays of a snapshot that is being made, and their file."""

MATCHED = 10
"""Nearest references per space, and per part of a space, whose keypoints are held against the image's."""

Bytes = NDArray[np.uint8]
Int64s = NDArray[np.int64]


def keypoints_entry(rows: ArrayEntry) -> PartEntry:
    """The part in a manifest, of rows that are written."""
    return PartEntry({"method": METHOD}, {ROWS: rows}, per_reference=True)


def with_rows(arrays: Arrays, parts: Mapping[PartName, Part]) -> Arrays:
    """The arrays of a snapshot with the keypoints among them where it keeps any: what a measurement is made from."""
    part = parts.get(PartName.KEYPOINTS)
    return arrays if part is None else {**arrays, FILE: part.arrays[ROWS]}


def expect_rows(part: Part | None, added: Arrays) -> None:
    """Raise SnapshotError where references without keypoints are added to such as have them."""
    if part is not None and FILE not in added:
        raise SnapshotError(
            "this snapshot keeps keypoints and what is added has none, so that turned copies of it would pass: "
            "enrol it with keypoints, or build the snapshot anew"
        )


def expect_method(manifest: SnapshotManifest) -> None:
    """Raise MismatchError where references of this version's keypoints cannot be added to a snapshot with others."""
    if manifest.match_method not in {None, METHOD}:
        raise MismatchError("the snapshot keeps keypoints of another version: build a new one")


def stored_rows(part: Part | None) -> Bytes | None:
    """The references' rows uint8[n, ROW_BYTES], which may be mapped; None where a snapshot has no such part.

    Raises:
        SnapshotCorrupt: the part holds something else.
    """
    if part is None:
        return None
    rows = part.arrays.get(ROWS)
    if rows is None or rows.dtype != np.uint8 or rows.shape[1:] != (ROW_BYTES,):
        raise SnapshotCorrupt(f"the part {PartName.KEYPOINTS} of a snapshot holds no keypoints of this version")
    return rows


def count_matches(query: Bytes, references: Bytes) -> Int64s:
    """Agreeing matches of an image's row uint8[ROW_BYTES] with each of the rows uint8[m, ROW_BYTES], int64[m].

    The transforms that are tried are drawn from the image's row alone: an image has the same numbers in any batch.

    Raises:
        ValueError: a row holds no keypoints.
    """
    seed = hashlib.sha256(query.tobytes()).digest()
    stored = [Keypoints.from_row(row) for row in np.asarray(references)]
    return agreeing_matches(Keypoints.from_row(query), stored, seed)
