"""Figures with the limit beside each, and what the records of a flow come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number; `at_most` and `at_least` are its limits, None where it is told only."""

    name: str
    value: float
    at_most: float | None = None
    at_least: float | None = None

    @property
    def violated(self) -> bool:
        """Whether it is beyond a limit; a number that is none is beyond any."""
        below = self.at_least is not None and not self.value >= self.at_least
        return below or (self.at_most is not None and not self.value <= self.at_most)

    def __str__(self) -> str:
        limits = [("at most", self.at_most), ("at least", self.at_least)]
        told = ", ".join(f"{word} {limit:g}" for word, limit in limits if limit is not None)
        return f"{self.name} {self.value:.4g}" + (f" ({told})" if told else "")


@dataclass(frozen=True, slots=True)
class Scenario:
    """What one scenario came to."""

    name: str
    figures: tuple[Figure, ...]
    wrong: tuple[str, ...] = field(default=())
    """Answers that are not those that an image gets alone, and errors: each is a violation."""

    @property
    def violations(self) -> list[str]:
        """What is beyond a limit, in words."""
        return [str(item) for item in self.figures if item.violated] + list(self.wrong)

    def __str__(self) -> str:
        mark = "VIOLATED" if self.violations else "ok"
        lines = [f"{self.name}: {', '.join(map(str, self.figures))}: {mark}"]
        return "\n".join([*lines, *[f"  VIOLATION {text}" for text in self.violations]])


def of_kind(records: Sequence[Record], kind: str) -> list[Record]:
    """Those that were answered, refused, wrong or ended in an error."""
    return [record for record in records if record["kind"] == kind]


def milliseconds(records: Sequence[Record], share: float) -> float:
    """That quantile of the latencies, from when calls were due; NaN of none."""
    return float(np.quantile([1000 * record["seconds"] for record in records], share)) if records else float("nan")


def wrong(records: Sequence[Record]) -> tuple[str, ...]:
    """What must not be, once for each kind of it."""
    found = Counter(f"{item['kind']}: {item['said']}" for item in records if item["kind"] in {"wrong", "error"})
    return tuple(f"{count} times {text}" for text, count in found.most_common(5))


def told(records: Sequence[Record]) -> list[Figure]:
    """Every flow's: how many calls came to what, and how long the answered ones took."""
    counts = [Figure(kind, len(of_kind(records, kind))) for kind in ("answered", "refused")]
    return [*counts, Figure("p50 ms", milliseconds(of_kind(records, "answered"), 0.5))]
