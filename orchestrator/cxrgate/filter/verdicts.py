"""The verdicts on a set: a sequence in the order of the images, which becomes a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, overload

from cxrgate.core import Decision
from cxrgate.filter.verdict import Nearest, Verdict

if TYPE_CHECKING:
    import pandas as pd

_PICTURES = {"png", "preview"}
_NUMBERS = ("score", "similarity", "standout", "distance", "typicality", "frontality")


class Verdicts(Sequence[Verdict]):
    """One verdict for each image that was given, in the same order."""

    def __init__(self, verdicts: Iterable[Verdict]) -> None:
        """Hold the verdicts."""
        self._verdicts = tuple(verdicts)

    def __len__(self) -> int:
        return len(self._verdicts)

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self._verdicts)

    @overload
    def __getitem__(self, place: int) -> Verdict: ...
    @overload
    def __getitem__(self, place: slice) -> Verdicts: ...
    def __getitem__(self, place: int | slice) -> Verdict | Verdicts:
        return Verdicts(self._verdicts[place]) if isinstance(place, slice) else self._verdicts[place]

    def __repr__(self) -> str:
        parts = ", ".join(f"{count} {decision}" for decision, count in self.counts.items() if count)
        return f"Verdicts({len(self)} images: {parts})" if self._verdicts else "Verdicts(no images)"

    @property
    def counts(self) -> dict[Decision, int]:
        """How many images have which decision."""
        found = Counter(verdict.decision for verdict in self._verdicts)
        return {decision: found[decision] for decision in Decision}

    @property
    def released(self) -> Verdicts:
        """Those of the images that may go out."""
        return Verdicts(verdict for verdict in self._verdicts if verdict.released)

    def to_pandas(self) -> pd.DataFrame:
        """One row per image, with the columns of a run's results as far as they exist here, and the nearest reference.

        `reasons` holds them with semicolons in between. Numbers that do not exist are NaN. The columns nearest_* name
        real patients' images: they are for this host.
        """
        import pandas as pd  # noqa: PLC0415 - two seconds, for those who want a table

        kept = [field.name for field in fields(Verdict) if field.name not in {*_PICTURES, "nearest"}]
        near = [field.name for field in fields(Nearest)]
        rows = [_row(verdict, kept, near) for verdict in self._verdicts]
        table = pd.DataFrame(rows, columns=[*kept, *map("nearest_{}".format, near)])
        numbers = [*_NUMBERS, *(f"nearest_{name}" for name in ("distance", "similarity", "score", "standout"))]
        return table.astype({**dict.fromkeys(numbers, "float64"), "borderline": "bool"})


def _row(verdict: Verdict, kept: Sequence[str], near: Sequence[str]) -> dict[str, Any]:
    row = {name: getattr(verdict, name) for name in kept}
    row["decision"], row["reasons"] = verdict.decision.value, ";".join(verdict.reasons)
    found = verdict.nearest
    nearest = {f"nearest_{name}": None if found is None else getattr(found, name) for name in near}
    nearest["nearest_path"] = None if found is None or found.path is None else str(found.path)
    return {**row, **nearest}
