"""The lines of a hash log: reading them, checking their chain, and the head beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxrgate.core import UsageError
from cxrgate.core.json_text import parse_line

START = "0" * 64


class LogBroken(UsageError):
    """A log whose chain does not hold. `number` is the first line that does not fit."""

    def __init__(self, path: Path, number: int, told: str | None = None) -> None:
        super().__init__(told or f"the chain of {path} is broken: line {number} does not fit the line before it")
        self.number = number


@dataclass(frozen=True, slots=True)
class Head:
    """The last line: how many lines there are, and its hash."""

    count: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line that fits the chain: where it begins in the file, its content, and the head that it makes."""

    offset: int
    content: dict[str, Any]
    head: Head


def read_lines(path: Path, *, growing: bool = False) -> Iterator[Line]:
    """Every line in order.

    Args:
        path: the log.
        growing: another process may be appending; a last line without its end is not there yet.

    Raises:
        LogBroken: at the first line that does not fit, a torn last one among them.
    """
    head, offset = Head(0, START), 0
    with path.open("rb") as file:
        for raw in file:
            if growing and not raw.endswith(b"\n"):
                return
            sha256, _, payload = raw.rstrip(b"\n").partition(b" ")
            expected = chain(head.sha256, payload)
            if sha256.decode(errors="replace") != expected or not raw.endswith(b"\n"):
                raise LogBroken(path, head.count + 1)
            head = Head(head.count + 1, expected)
            yield Line(offset, _content(path, payload, head.count), head)
            offset += len(raw)


def read_known_lines(path: Path) -> Iterator[Line]:
    """The whole lines of a log that another process may be appending to, held against the head beside it.

    A log without a head has no known end. A head that was written before the last lines is one of the chain.

    Raises:
        LogBroken: a line does not fit, or lines that the head counts are missing, all of them among these.
        UsageError: the head is torn.
        OSError: there is neither log nor head, or they cannot be read.
    """
    # Before the lines: a writer brings a line to the disk first, and then its head.
    kept, last = read_head(path), Head(0, START)
    if kept is not None and not path.exists():
        raise LogBroken(path, 1, f"{path} is gone, and its head beside it counts {kept.count} lines: restore the log")
    found = kept is None or kept == last
    for line in read_lines(path, growing=True):
        last = line.head
        found = found or kept == last
        yield line
    if kept is not None and not found:
        told = f"{path} has {last.count} lines and not the line {kept.count} of its head beside it: restore the log"
        raise LogBroken(path, min(kept.count, last.count + 1), told)


def _content(path: Path, payload: bytes, number: int) -> dict[str, Any]:
    """Of a line that fits the chain; LogBroken where it is no entry, though somebody made the chain fit."""
    try:
        content = parse_line(payload)
    except ValueError as error:
        raise LogBroken(path, number) from error
    if not isinstance(content.get("event"), str):
        raise LogBroken(path, number)
    return content


def verify_log(path: Path, kept: Head | None = None) -> Head:
    """Check the chain and that it contains the head beside it and `kept`; give the last head.

    Raises:
        LogBroken: a line does not fit, or lines of a known head are missing.
        UsageError: there is no log.
    """
    if not path.is_file():
        raise UsageError(f"there is no log at {path}")
    heads = {0: START} | {line.head.count: line.head.sha256 for line in read_lines(path)}
    for head in (read_head(path), kept):
        if head is not None and heads.get(head.count) != head.sha256:
            raise LogBroken(path, min(head.count, len(heads)))
    last = len(heads) - 1
    return Head(last, heads[last])


def read_head(path: Path) -> Head | None:
    """The head beside a log; UsageError where a crash or somebody tore its file."""
    beside = head_path(path)
    if not beside.exists():
        return None
    try:
        return parse_head(beside.read_text())
    except (UsageError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{beside} is empty or torn, so that nobody knows whether lines are missing at the end of {path.name}: "
            f"compare `cxrgate log verify {path} --head COUNT:SHA256` with a head that was kept elsewhere, move "
            f"{beside.name} away, and start again"
        ) from error


def parse_head(text: str) -> Head:
    """A head as `COUNT:SHA256`; UsageError for anything else."""
    count, _, sha256 = text.strip().partition(":")
    if not count.isdecimal() or len(sha256) != len(START):
        raise UsageError("a head is COUNT:SHA256")
    return Head(int(count), sha256)


def chain(previous: str, payload: bytes) -> str:
    """The hash of a line: of the hash of the line before it, in hex, and its own content."""
    return hashlib.sha256(previous.encode() + payload).hexdigest()


def head_path(log: Path) -> Path:
    """Where the head of a log lies."""
    return log.with_name(log.name + ".head")
