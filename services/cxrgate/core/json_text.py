"""JSON that others may have written: read strictly, and the errors of values that are of another shape."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

MALFORMED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What taking a parsed value apart raises where it has another shape than was expected, or a number that is none."""


def parse_json(content: str | bytes) -> Any:
    """What a JSON text says.

    Raises:
        ValueError: it is not JSON, is nested too deeply, has NaN or an infinity, or names a key twice, of which one
            reader would take the first and another the last.
    """
    try:
        return json.loads(content, object_pairs_hook=_once, parse_constant=_finite, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("expected JSON, got values nested too deeply") from error


def parse_line(payload: bytes) -> dict[str, Any]:
    """The JSON object of a line that a digest vouches for; ValueError where it is none."""
    try:
        content = json.loads(payload)
    except RecursionError as error:
        raise ValueError("expected JSON, got values nested too deeply") from error
    if not isinstance(content, dict):
        raise ValueError(f"expected a JSON object, got {type(content).__name__}")  # noqa: TRY004 - text, and no argument
    return content


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"expected each key once, got {', '.join(twice)} again")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"expected finite numbers, got {text}")
    return number
