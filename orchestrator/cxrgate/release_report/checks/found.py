"""What a verification found."""

from __future__ import annotations

from dataclasses import dataclass, field

from cxrgate.release_report.changes import Change


@dataclass(slots=True)
class Verification:
    """What was looked at, what could not be, and what is not as it was signed; `signed` says by whom and when."""

    checked: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    signed: str = ""

    def look(self, what: str, changes: list[Change]) -> None:
        """Note that something was looked at, and what was found."""
        self.checked.append(what)
        self.changes += changes
