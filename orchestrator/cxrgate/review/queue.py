"""The images that a person should look at: those released at the border, then those removed, by score."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pandas as pd

from cxrgate.core import Decision
from cxrgate.run.recorded import Results
from cxrgate.run.rows import SOURCE
from cxrgate.run_page.cases import ShownImage, cases_of, similarities


class Listed(StrEnum):
    """What the gate did with an image."""

    BORDERLINE = "borderline"
    FLAGGED = "flagged"


@dataclass(frozen=True, slots=True)
class Entry:
    """One image of the queue. `number` is its place, from 1; `released_as` is "" for a flagged image."""

    number: int
    kind: Listed
    image_id: str
    label: str
    identity: float
    """The number that decides whether it is the same patient: the standout, or the score."""
    similarities: Mapping[str, float]
    """By name of the cosine space."""
    pixel_digest: str
    released_as: str
    source_digest: str = ""
    decoding: str = ""
    """What its pixels come from, see run.sources; "" where the results are older."""


class Queue:
    """The queue of one finished run. It does not change: decisions are kept apart."""

    def __init__(self, results: Results) -> None:
        """Take the rows that are borderline or flagged; those without an answer are not released anyhow."""
        images = results.images
        borderline = images[images["borderline"].astype(bool)]
        flagged = images[images["decision"] == Decision.NOT_ANONYMOUS.value]
        self.results = results
        self._deciding = "score" if results.policy.standout is None else "standout"
        parts = (rows.sort_values(self._deciding, ascending=False, kind="stable") for rows in (borderline, flagged))
        self._rows = pd.concat(parts, ignore_index=True)
        released = len(borderline)
        self.entries = tuple(
            self._entry(place, Listed.BORDERLINE if place < released else Listed.FLAGGED, row)
            for place, row in enumerate(self._rows.to_dict("records"))
        )

    def entry(self, number: int) -> Entry | None:
        """The image at that place."""
        return self.entries[number - 1] if 1 <= number <= len(self.entries) else None

    def case(self, entry: Entry) -> ShownImage:
        """Its candidates, read from the run's evidence."""
        (case,) = cases_of(self.results, self._rows.iloc[entry.number - 1 : entry.number])
        return case

    def _entry(self, place: int, kind: Listed, row: dict[Hashable, Any]) -> Entry:
        texts = {name: str(row[name]) for name in ("image_id", "label", "pixel_digest", "released_as", *SOURCE)}
        identity = float(row[self._deciding])
        return Entry(place + 1, kind, identity=identity, similarities=similarities(row), **texts)
