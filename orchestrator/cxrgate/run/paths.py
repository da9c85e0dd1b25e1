"""Where a run writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Paths:
    """Where a run writes, below its output folder."""

    output: Path

    @property
    def journal(self) -> Path:
        """The journal that a run resumes from."""
        return self.output / "work" / "journal.jsonl"

    @property
    def staged(self) -> Path:
        """Images that will be released, until the run is complete."""
        return self.output / "work" / "staged"

    @property
    def released(self) -> Path:
        """The released set."""
        return self.output / "released"

    @property
    def results(self) -> Path:
        """Tables with scores and opaque reference ids: for reviewers, apart from the released set."""
        return self.output / "results"
