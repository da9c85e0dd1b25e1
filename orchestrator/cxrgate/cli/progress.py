"""How far a long command is: what its bars and its lines are made of. Loads nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

quiet = False
"""Whether the user wants to see answers and errors alone; set by the root's option."""

FIRST, OFTEN, SELDOM = 30.0, 0.1, 600.0
"""Seconds to a step's first line; the share of its time after which the next is due; at most so many seconds."""


@dataclass(slots=True)
class Step:
    """One step: what was done of how much, since when, and when the next line is due."""

    name: str
    total: int
    started: float
    done: int = 0
    due: float = FIRST

    def line(self, now: float) -> str:
        """Where it is, how long it took, and how long the rest may take."""
        spent = now - self.started
        share = f" of {self.total:,} ({100 * self.done // self.total} %)" if self.total else ""
        left = spent / self.done * (self.total - self.done) if self.done else 0
        rest = f", about {_duration(left)} left" if left > 0 else ""
        return f"{self.name}: {self.done:,}{share} after {_duration(spent)}{rest}"


class Steps:
    """The steps of a command, counted by calling it as core.progress.Progress says."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.current: Step | None = None

    def __call__(self, name: str, done: int, total: int, /) -> None:
        """Count."""
        step = self.current
        if step is None or step.name != name or (step.total and step.done >= step.total):
            self.current = step = Step(name, total, self._clock())
        step.done += done

    def due(self) -> str | None:
        """A line where one is due: seldom, so that a log of hours stays short, and at the end of a long step."""
        step = self.current
        if step is None:
            return None
        spent = self._clock() - step.started
        last = step.done == step.total and step.due > FIRST
        if spent < step.due and not last:
            return None
        step.due = spent + min(SELDOM, max(FIRST, OFTEN * spent))
        return step.line(self._clock())

    @property
    def stopped(self) -> str:
        """How far it came when it was interrupted."""
        step = self.current
        if step is None:
            return "stopped before anything was computed"
        return f"stopped at {step.name}, {step.done:,}" + (f" of {step.total:,}" if step.total else "")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
