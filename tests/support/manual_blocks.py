"""What a page of the manual tells its reader to write and to run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
_FENCED = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^    .*\n)+", re.MULTILINE)


def fenced(page: str, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return [body for name, body in _FENCED.findall((DOCS / page).read_text()) if name == language]


def command_lines(page: str) -> list[list[str]]:
    """The words of every command line of the indented blocks, without comments; other lines are left out."""
    text = _FENCED.sub("", (DOCS / page).read_text())
    blocks = [re.sub(r"\\\n\s*", " ", block) for block in _INDENTED.findall(text)]
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith(("cxrgate ", "cp "))]
