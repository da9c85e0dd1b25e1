"""Markdown of what is made from code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; cells may hold several lines."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines) + "\n"


def cell(text: str) -> str:
    """One line without an unescaped bar."""
    return " ".join(text.split()).replace("|", "\\|")


def named(name: str, prefix: str = "") -> str:
    """A cell that holds a name which links can point to; the page's style sheet lays its table out by it."""
    return f'<span id="{prefix}{name}"></span>`{name}`'


def anchor(text: str) -> str:
    """The id that the toc extension gives a heading."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", text).strip().lower())
