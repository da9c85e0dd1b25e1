"""What a look at the host says: one line each, and what helps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

EXPIRING = timedelta(days=14)


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    """The stack runs, but not as well as it could, or not for long."""
    FAIL = "fail"
    """The stack does not start."""


@dataclass(frozen=True, slots=True)
class HostFinding:
    """One thing that was looked at. `remedy` says what to do; it is empty where nothing is to be done."""

    subject: str
    level: Level
    text: str
    remedy: str = ""

    def __post_init__(self) -> None:
        if (self.level is Level.OK) != (not self.remedy):
            raise ValueError(f"expected a remedy with what is not ok, and with nothing else, got {self}")


def days_left(subject: str, name: str, left: timedelta, remedy: str) -> HostFinding:
    """How long something is still valid: a warning from 14 days on, a failure when it is over."""
    text = f"{name} has {left.days} days left"
    if left >= EXPIRING:
        return HostFinding(subject, Level.OK, text)
    return HostFinding(subject, Level.FAIL if left < timedelta(0) else Level.WARN, text, remedy)
