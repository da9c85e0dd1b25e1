"""The keypoints of a picture: places that are found again in a turned, cropped, edited or mixed copy of it.

A row holds them for snapshots and for the wire. Pictures can be made of descriptors again (Weinzaepfel et al. 2011):
rows are as sensitive as the images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

METHOD = "sift-256-1"
"""Names how keypoints are found and matched: those of different methods are never compared."""
KEYPOINTS = 300
"""The most that one picture has."""
DIMENSIONS = 128
"""Of a descriptor: 4 x 4 cells, each a histogram of eight directions (Lowe 2004)."""
STEPS = 128
"""Steps of a place within one pixel."""
EXTENT = 2**16 // STEPS
"""px that a place lies below, both along x and y."""

_COUNT, _PLACE = np.dtype("<u2"), np.dtype("<u2")
_PLACES_AT = _COUNT.itemsize
_DESCRIPTORS_AT = _PLACES_AT + 2 * KEYPOINTS * _PLACE.itemsize
ROW_BYTES = _DESCRIPTORS_AT + KEYPOINTS * DIMENSIONS
"""Number of keypoints, places, descriptors; zeros behind the last of each."""

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Keypoints:
    """Keypoints of one picture, at most KEYPOINTS, none where it has none.

    Attributes:
        places: float32[n, 2], x and y in pixels of the working image, multiples of 1 / STEPS in [0, EXTENT).
        descriptors: uint8[n, 128], square roots of the histograms' shares (Arandjelović and Zisserman 2012).
    """

    places: NDArray[np.float32]
    descriptors: Bytes

    def __post_init__(self) -> None:
        count = len(self.descriptors)
        if self.descriptors.dtype != np.uint8 or self.descriptors.shape != (count, DIMENSIONS) or count > KEYPOINTS:
            raise ValueError(f"expected at most {KEYPOINTS} descriptors, uint8[n, {DIMENSIONS}]")
        if self.places.dtype != np.float32 or self.places.shape != (count, 2):
            raise ValueError(f"expected a place for each descriptor, float32[{count}, 2]")
        within = np.all((self.places >= 0) & (self.places < EXTENT))
        if not (within and np.all(self.places * STEPS % 1 == 0)):
            raise ValueError(f"expected places in [0, {EXTENT}), in steps of 1/{STEPS} px")

    @classmethod
    def from_row(cls, row: Bytes) -> Keypoints:
        """What `to_row` packed, from anybody.

        Args:
            row: uint8[ROW_BYTES].

        Raises:
            ValueError: it is no such row; a given set of keypoints has one row alone.
        """
        if row.dtype != np.uint8 or row.shape != (ROW_BYTES,):
            raise ValueError(f"expected a row of keypoints, uint8[{ROW_BYTES}]")
        packed = row.tobytes()
        count = int(np.frombuffer(packed, _COUNT, 1)[0])
        if count > KEYPOINTS:
            raise ValueError(f"expected at most {KEYPOINTS} keypoints in a row, got {count}")
        places = np.frombuffer(packed, _PLACE, 2 * KEYPOINTS, _PLACES_AT).reshape(KEYPOINTS, 2)
        descriptors = np.frombuffer(packed, np.uint8, -1, _DESCRIPTORS_AT).reshape(KEYPOINTS, DIMENSIONS)
        if places[count:].any() or descriptors[count:].any():
            raise ValueError("expected zeros behind the last keypoint of a row")
        return cls(places[:count].astype(np.float32) / np.float32(STEPS), descriptors[:count])

    def to_row(self) -> Bytes:
        """As a row for `from_row`, uint8[ROW_BYTES]."""
        row, count = np.zeros(ROW_BYTES, np.uint8), len(self.places)
        row[:_PLACES_AT] = np.array([count], _COUNT).view(np.uint8)
        places = (self.places * STEPS).astype(_PLACE).view(np.uint8).ravel()
        row[_PLACES_AT : _PLACES_AT + len(places)] = places
        row[_DESCRIPTORS_AT : _DESCRIPTORS_AT + self.descriptors.size] = self.descriptors.ravel()
        return row

    def mirrored(self) -> Keypoints:
        """The keypoints of the mirrored picture; those of its mirrored picture are these again.

        Their x runs backward from the end of the extent. A descriptor's cells and directions lie along its own
        direction, so that mirroring exchanges the rows of cells and turns the directions' sense.
        """
        places = self.places.copy()
        places[:, 0] = (EXTENT - 1 / STEPS) - places[:, 0]
        histograms = self.descriptors.reshape(-1, 4, 4, 8)[:, ::-1]
        return Keypoints(places, np.ascontiguousarray(histograms[..., -np.arange(8) % 8]).reshape(-1, DIMENSIONS))
