"""How long work tells what it has done."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with a step, how much of it was done now, and of how much in all."""

    def __call__(self, step: str, done: int, total: int, /) -> None:
        """Take note."""


def silent(step: str, done: int, total: int, /) -> None:
    """Progress that nobody asked to see."""
