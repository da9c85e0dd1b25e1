"""Names of files for a terminal: what they hold is whoever's made them, and a terminal obeys escape sequences."""

from __future__ import annotations


def plain(text: str) -> str:
    r"""The text with each character that a terminal would not show written as an escape, \n and \t aside."""
    return "".join(char if char.isprintable() or char in "\n\t" else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
