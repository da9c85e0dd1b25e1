"""Numbers with their nouns, as sentences have them."""

from __future__ import annotations


def counted(count: int, noun: str, more: str = "") -> str:
    """The number with its noun; `more` is the noun of several where that is not `noun` with an s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {more or f'{noun}s'}"
