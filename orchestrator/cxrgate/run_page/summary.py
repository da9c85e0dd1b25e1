"""The numbers of the page, counted from the recorded results."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from cxrgate.core import Decision
from cxrgate.core.spaces import MATCHES


@dataclass(frozen=True, slots=True)
class Counts:
    """Images of one class folder ("" without one), or of all of them, by decision.

    `released` counts the files in the released set: `anonymous` less what reviewers withheld.
    """

    label: str
    images: int
    anonymous: int
    not_anonymous: int
    indeterminate: int
    released: int

    @property
    def rejection_rate(self) -> float:
        """The share that was NOT_ANONYMOUS, of all images including those without an answer; NaN for none."""
        return self.not_anonymous / self.images if self.images else float("nan")


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts in all and per class folder, and how often each reason was given; `borderline` is of the released."""

    total: Counts
    classes: tuple[Counts, ...]
    removed_for: tuple[tuple[str, int], ...]
    several_reasons: int
    unanswered_for: tuple[tuple[str, int], ...]
    borderline: int
    colour: int

    @property
    def withheld(self) -> int:
        """Images without a match that reviewers withheld."""
        return self.total.anonymous - self.total.released

    @property
    def sentence(self) -> str:
        """The outcome in one line: what was released, what was removed and why, what has no answer."""
        total = self.total
        if not total.images:
            return "No image was checked."
        parts = [f"{total.released:,} of {total.images:,} {_images(total.images)} released", self._removed()]
        if total.indeterminate:
            parts.append(f"{total.indeterminate:,} without an answer")
        if self.withheld:
            parts.append(f"{self.withheld:,} withheld by reviewers")
        return "; ".join(parts) + "."

    def _removed(self) -> str:
        if not self.total.not_anonymous:
            return "none removed"
        reasons = ", ".join(f"{count:,} {MATCHES.get(name, name)}" for name, count in self.removed_for)
        return f"{self.total.not_anonymous:,} removed: {reasons}"


def summarise(images: pd.DataFrame) -> Summary:
    """Count the rows of `results.parquet`, see results.Results.published."""
    removed = images[images["decision"] == Decision.NOT_ANONYMOUS.value]
    unanswered = images[images["decision"] == Decision.INDETERMINATE.value]
    return Summary(
        total=_counts("", images),
        classes=tuple(_counts(str(label), rows) for label, rows in images.groupby("label", sort=True)),
        removed_for=_reasons(removed),
        several_reasons=int(removed["reasons"].str.contains(";", regex=False).sum()),
        unanswered_for=_reasons(unanswered),
        borderline=int((images["borderline"] & (images["released_as"] != "")).sum()),
        colour=int(images["colour"].sum()),
    )


def _counts(label: str, rows: pd.DataFrame) -> Counts:
    by_decision = rows["decision"].value_counts()
    anonymous, rejected, unanswered = (int(by_decision.get(decision.value, 0)) for decision in Decision)
    return Counts(label, len(rows), anonymous, rejected, unanswered, int((rows["released_as"] != "").sum()))


def _reasons(rows: pd.DataFrame) -> tuple[tuple[str, int], ...]:
    """Each reason and its number of images, the most frequent first; an image counts once for each of its reasons."""
    counts = rows["reasons"].str.split(";").explode().value_counts()
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return tuple((str(reason), int(count)) for reason, count in ordered)


def _images(count: int) -> str:
    return "image" if count == 1 else "images"
