"""What README and the manual tell their reader to write and to run.

A block that no test runs has a comment before it, which says why:

    <!-- not run by a test: it starts containers -->
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_FENCED = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^    .*\n(?:^    .*\n|^\n(?=    ))*", re.MULTILINE)
_NOT_RUN = re.compile(r"<!-- not run by a test: (.+?) -->\s*\Z", re.DOTALL)
_PROGRAMS = "cxrgate|cp|make|git|pip|python3?|curl|cd|npm|node|java|dotnet"
_PROGRAM = re.compile(rf"(?:\.stack/bin/)?(?:{_PROGRAMS})\b")


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a page.

    Attributes:
        page: README.md, or a path below docs.
        language: of a fenced block; "" for commands, which are indented.
        body: its text, without the indentation.
        reason: why no test runs it; "" where one does.
    """

    page: str
    language: str
    body: str
    reason: str

    @property
    def lines(self) -> list[list[str]]:
        """The words of every command line, without comments."""
        joined = re.sub(r"\\\n\s*", " ", self.body)
        return [shlex.split(line, comments=True) for line in joined.splitlines() if _PROGRAM.match(line)]


def blocks(page: str) -> list[Block]:
    """The blocks of a page, in order: commands, and what is fenced."""
    return blocks_of(page, text(page))


def text(page: str) -> str:
    """The page's Markdown."""
    return (ROOT / page if page == "README.md" else DOCS / page).read_text()


def blocks_of(page: str, written: str) -> list[Block]:
    """The blocks of a text, in order."""
    found = [(match.start(), name, body) for match in _FENCED.finditer(written) for name, body in [match.groups()]]
    plain = _FENCED.sub(lambda match: " " * len(match[0]), written)  # positions stay
    for match in _INDENTED.finditer(plain):
        body = "\n".join(line[4:] for line in match[0].splitlines())
        if any(_PROGRAM.match(line) for line in body.splitlines()):
            found.append((match.start(), "", body))
    return [Block(page, name, body, _reason(written[:start])) for start, name, body in sorted(found)]


def _reason(before: str) -> str:
    found = _NOT_RUN.search(before)
    return " ".join(found[1].split()) if found else ""


def fenced(page: str, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return [block.body for block in blocks(page) if block.language == language]


def command_lines(page: str) -> list[list[str]]:
    """The words of every command line that a test is to run."""
    return [line for block in blocks(page) if not block.language and not block.reason for line in block.lines]


def pages() -> Iterator[str]:
    """README and every written page of the manual."""
    yield "README.md"
    yield from sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
