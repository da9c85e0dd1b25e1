"""How thresholds grow with the number of references, measured where the models were made.

Aggregates over at least 100 patients at every size: no number is one patient's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FalseFlagCurve:
    """For numbers of references `sizes` and shares of unenrolled patients `rates`, what that share exceeds.

    `margins` (see core.standout) and `copies` (copy similarity) have one row per size and one column per rate.
    """

    sizes: tuple[int, ...]
    rates: tuple[float, ...]
    margins: tuple[tuple[float, ...], ...]
    copies: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        shapes = {(len(table), *{len(row) for row in table}) for table in (self.margins, self.copies)}
        if shapes != {(len(self.sizes), len(self.rates))} or not self.sizes:
            raise ValueError(f"expected one row per size and one column per rate, got {sorted(shapes)}")

    def margin(self, references: int, rate: float) -> float:
        """The margin that the share `rate` of unenrolled patients exceeds against so many references."""
        return self._at(self.margins, references, rate)

    def copy(self, references: int, rate: float) -> float:
        """The copy similarity that the share `rate` exceeds."""
        return self._at(self.copies, references, rate)

    def _at(self, table: Sequence[Sequence[float]], references: int, rate: float) -> float:
        rates = [math.log(value) for value in self.rates]
        column = [interpolate(math.log(rate), rates, row) for row in table]
        # The smallest size also stands for smaller ones; beyond the largest the last slope goes on.
        size = max(references, self.sizes[0])
        return interpolate(math.log(size), [math.log(value) for value in self.sizes], column)

    def to_json(self) -> dict[str, Any]:
        """For `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> FalseFlagCurve:
        """KeyError, TypeError or ValueError where it is none."""
        return cls(
            tuple(map(int, value["sizes"])),
            tuple(map(float, value["rates"])),
            tuple(tuple(map(float, row)) for row in value["margins"]),
            tuple(tuple(map(float, row)) for row in value["copies"]),
        )


def interpolate(x: float, knots: Sequence[float], values: Sequence[float]) -> float:
    """Piecewise linear through increasing knots, going on with the first or the last slope outside of them."""
    if len(knots) == 1:
        return values[0]
    upper = next((place for place in range(1, len(knots)) if x <= knots[place]), len(knots) - 1)
    left, right = knots[upper - 1], knots[upper]
    share = (x - left) / (right - left)
    return values[upper - 1] + share * (values[upper] - values[upper - 1])
