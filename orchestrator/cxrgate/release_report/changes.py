"""Names for what differs between two values of JSON, and for a place in a file of it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_LONGEST = 70
_KEY = re.compile(r'( *)"((?:[^"\\]|\\.)*)":')


@dataclass(frozen=True, slots=True)
class Change:
    """What is not as it should be: where, and in which way."""

    part: str
    told: str


def differences(expected: Any, got: Any, part: str, rounding: float = 0.0) -> Iterator[Change]:
    """Every leaf that differs, by the way to it; a key or item that one side lacks is one difference.

    Floats that differ by no more than the share `rounding` are equal.
    """
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        names = [*expected, *(name for name in got if name not in expected)]
        for name in names:
            pair = expected.get(name, _Nothing), got.get(name, _Nothing)
            yield from differences(*pair, f"{part} > {name}", rounding)
    elif _is_list(expected) and _is_list(got) and len(expected) == len(got):
        for number, (first, second) in enumerate(zip(expected, got, strict=True), 1):
            yield from differences(first, second, f"{part} > {number}", rounding)
    elif isinstance(expected, float) and isinstance(got, float) and math.isclose(expected, got, rel_tol=rounding):
        return
    elif type(expected) is not type(got) or expected != got:
        yield Change(part, f"expected {_short(expected)}, got {_short(got)}")


def first_difference(expected: bytes, got: bytes, part: str) -> Change:
    """The line at which two files of indented JSON begin to differ, and the keys that lead to it."""
    first, second = (content.decode(errors="replace").split("\n") for content in (expected, got))
    number = next((n for n, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), len(first) - 1)
    return Change(" > ".join([part, *way_to(second, min(number, len(second) - 1))]), f"line {number + 1} differs")


def way_to(lines: Sequence[str], number: int) -> list[str]:
    """The keys that lead to a line of JSON that was written with an indent."""
    keys: list[str] = []
    deepest = len(lines[number]) + 1
    for line in reversed(lines[: number + 1]):
        found = _KEY.match(line)
        if found and len(found[1]) < deepest:
            keys.insert(0, found[2])
            deepest = len(found[1])
    return keys


class _Nothing:
    """What stands for a key that is not there."""


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _short(value: Any) -> str:
    if value is _Nothing:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
