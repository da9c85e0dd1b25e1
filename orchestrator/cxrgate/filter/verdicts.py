"""The verdicts on a set: a sequence in the order of the images, which becomes a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from cxrgate.core import Decision
from cxrgate.core.spaces import SIMILARITIES
from cxrgate.filter.verdict import Nearest, Verdict

if TYPE_CHECKING:
    import pandas as pd

_NUMBERS = ("score", *SIMILARITIES, "standout", "distance", "typicality", "frontality", "matches")
_BEFORE = ("image_id", "label", "decision", "reasons", "borderline")
_AFTER = ("pixel_digest", "policy_digest", "stage", "code", "message")
_OF_NEAREST = ("score", *SIMILARITIES, "standout", "distance", "matches")
_NEAREST = tuple(f"nearest_{name}" for name in (*_OF_NEAREST, "reference_id", "patient_key", "path"))


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

        rows = [_row(verdict) for verdict in self._verdicts]
        table = pd.DataFrame(rows, columns=[*_BEFORE, *_NUMBERS, *_AFTER, *_NEAREST])
        numbers = [*_NUMBERS, *(f"nearest_{name}" for name in _OF_NEAREST)]
        return table.astype({**dict.fromkeys(numbers, "float64"), "borderline": "bool"})


def _row(verdict: Verdict) -> dict[str, Any]:
    own = {name: getattr(verdict, name, None) for name in (*_BEFORE, *_NUMBERS, *_AFTER)}
    own["decision"], own["reasons"] = verdict.decision.value, ";".join(verdict.reasons)
    return {**own, **verdict.similarities, **_nearest_columns(verdict.nearest)}


def _nearest_columns(found: Nearest | None) -> dict[str, Any]:
    if found is None:
        return {}
    values = {name: getattr(found, name, None) for name in ("score", "standout", "distance", "matches")}
    values |= {**found.similarities, "reference_id": found.reference_id, "patient_key": found.patient_key}
    return {f"nearest_{name}": value for name, value in values.items()} | {"nearest_path": _text(found.path)}


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
