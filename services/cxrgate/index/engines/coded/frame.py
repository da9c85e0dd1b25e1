"""The map from rows to short integer codes, and why the codes bound distances from below.

**The map.** f(x) = A'(x - c) + p(x) b, where p(x) = |(x - c) - A A'(x - c)| is the length of what A leaves out. The
columns of [A; b'] are orthonormal and A b = 0, so A A' projects, and b is at right angles to what A gives. Therefore

    |f(x) - f(y)|^2 = |A'(x - y)|^2 + (p(x) - p(y))^2 <= |x - y|^2,

for |A'(x - y)| is the length of the projected difference, and the lengths of two remainders differ by no more than the
remainders themselves do. Where A leaves nothing out, b = 0.

**The codes.** cx = round((f(x) - s) / step) within -127..127, and error(x) >= |f(x) - s - step cx|. So

    step |cq - cx| <= |f(q) - f(x)| + error(q) + error(x) <= |q - x| + error(q) + error(x),

and a row with step |cq - cx| > t + error(q) + error(x) is farther than t. Nothing here is probabilistic, and nothing
depends on A, c, s and step being good: a bad choice costs time alone.

**Rounding.** All of it is float64, u = 2^-53; r stands for |x - c|. `_slack` is part of every error and covers:

- f: a number of it is a sum of d products (a column of A has length 1 at most) and one more, so that all w together err
  by less than sqrt(w) (d + w + 4) u r (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1); four times
  that is `sums` r.
- p, computed as the root of r^2 - |A'(x - c)|^2: the difference errs by less than sums r^2, and the root by less than
  sqrt(sums) r, for |sqrt(a) - sqrt(b)| <= sqrt(|a - b|).
- A and b, which are orthonormal only to within ORTHOGONAL, as checked, and the rounding of that check, (d + 2) w u:
  together `skew`. The eigenvalues of A A' are then within 2 skew of 0 and 1, which moves p by sqrt(2 skew) r at most,
  and lengthens |f(q) - f(x)| by at most 4 skew |q - x| <= 4 skew (|q - c| + |x - c|).

What is left, the rounding of the errors' own norms and of the distances that the bound is held against (relative
1e-12), is covered by the factor REACH.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

REACH = 1 + 1e-9
ORTHOGONAL = 1e-12
"""How far [A; b'] may be from orthonormal columns (Frobenius norm), and A b from 0."""

LARGEST = 127
"""Of a code's numbers, either side of 0."""

SMALLEST_STEP = 2.0**-100
"""Where all rows are equal any step will do; the square of this one does not underflow."""

_UNIT = 2.0**-53

_AT_ONCE = 256
"""Rows that are coded together: what is made of them on the way fits the second-level cache."""

_FEW_ROWS = 64
_ALONE = 2**18
"""Multiplications that OpenBLAS (0.3, as numpy has it) leaves to the thread that asks. With more it wakes the others,
and they turn round and round for longer than they compute: 16 rows of 512 numbers took 165 microseconds of processor
each on two cores, and 12 in slices of 4."""

Float64s = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The map and the scale that rows and queries share, for d dimensions and w numbers.

    axes: A, float64[d, w]. rest: b, float64[w]. shift: s, float64[w]. centre: c, float64[d].
    """

    axes: Float64s
    rest: Float64s
    shift: Float64s
    centre: Float64s
    step: float

    def __post_init__(self) -> None:
        """Raise ValueError unless the map is one that never lengthens a difference, and the step is positive."""
        dimensions, numbers = self.axes.shape
        shapes = (self.rest.shape, self.shift.shape, self.centre.shape)
        if shapes != ((numbers,), (numbers,), (dimensions,)) or not 1 <= numbers <= dimensions:
            raise ValueError(f"expected a frame of {dimensions} dimensions and {numbers} numbers, got {shapes}")
        gram = self.axes.T @ self.axes + np.outer(self.rest, self.rest) - np.eye(numbers)
        apart = max(float(np.linalg.norm(gram)), float(np.linalg.norm(self.axes @ self.rest)))
        if not apart <= ORTHOGONAL or not SMALLEST_STEP <= self.step < np.inf:
            raise ValueError(f"expected orthonormal axes and a positive step, got {apart} and {self.step}")

    @property
    def complete(self) -> bool:
        """Whether A leaves nothing out."""
        return not self.rest.any()

    def code(self, rows: NDArray[np.float32]) -> tuple[NDArray[np.int8], Float64s]:
        """Codes int8[n, w] of finite rows float32[n, d], and the largest that their errors may be, float64[n]."""
        parts = [self._code(rows[first : first + _AT_ONCE]) for first in range(0, max(1, len(rows)), _AT_ONCE)]
        codes, errors = zip(*parts, strict=True)
        return np.concatenate(codes), np.concatenate(errors)

    def _code(self, rows: NDArray[np.float32]) -> tuple[NDArray[np.int8], Float64s]:
        mapped, slack = self.map(rows)
        mapped -= self.shift
        codes = np.clip(np.rint(mapped / self.step), -LARGEST, LARGEST)
        mapped -= self.step * codes
        return codes.astype(np.int8), np.sqrt(np.add.reduce(mapped * mapped, axis=1)) * REACH + slack

    def map(self, rows: NDArray[np.float32]) -> tuple[Float64s, Float64s]:
        """Map rows float32[n, d] by f, float64[n, w], and say what its rounding may come to, float64[n]."""
        from_centre = rows - self.centre
        mapped = _product(from_centre, self.axes)
        squares: Float64s = np.add.reduce(from_centre * from_centre, axis=1)
        if not self.complete:
            left = np.maximum(squares - np.add.reduce(mapped * mapped, axis=1), 0)
            mapped += np.sqrt(left)[:, None] * self.rest
        return mapped, self._slack(np.sqrt(squares))

    def _slack(self, lengths: Float64s) -> Float64s:
        dimensions, numbers = self.axes.shape
        sums = 4 * np.sqrt(numbers) * (dimensions + numbers + 4) * _UNIT
        skew = ORTHOGONAL + (dimensions + 2) * numbers * _UNIT
        relative = sums + 4 * skew
        if not self.complete:
            relative += 2 * np.sqrt(sums + 2 * skew)
        return np.asarray(relative * lengths)


def _product(rows: Float64s, axes: Float64s) -> Float64s:
    """The product of both; that of a batch's few queries on this thread alone."""
    if len(rows) > _FEW_ROWS:
        return np.asarray(rows @ axes)
    step = max(1, _ALONE // axes.size)
    return np.concatenate([rows[first : first + step] @ axes for first in range(0, max(1, len(rows)), step)])
