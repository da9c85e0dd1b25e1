"""How long work tells what it has done."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with a step, how much of it was done now, and of how much in all."""

    def __call__(self, step: str, done: int, total: int, /) -> None:
        """Take note."""


class Tell(Protocol):
    """Called with a sentence that the user should read before the work goes on."""

    def __call__(self, sentence: str, /) -> None:
        """Show it."""


def untold(sentence: str, /) -> None:
    """A sentence that nobody asked to see."""


def silent(step: str, done: int, total: int, /) -> None:
    """Progress that nobody asked to see."""
