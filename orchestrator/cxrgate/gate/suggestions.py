"""What a misspelt key of a configuration probably is."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails


def explain(kind: type[BaseModel], error: ErrorDetails) -> str:
    """One line of what is wrong: where, what, and for an unknown key the one that may be meant."""
    place = ".".join(str(part) for part in error["loc"]) or "file"
    if error["type"] == "extra_forbidden":
        known = sorted(_keys(kind, error["loc"][:-1]))
        close = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
        return f"  {place}: {error['msg']}: no such key; {hint}"
    message = error["msg"].removeprefix("Value error, ")
    return f"  {place}: {message}"


def _keys(kind: type[BaseModel], place: Sequence[int | str]) -> set[str]:
    """The keys that the section at that place knows."""
    for part in place:
        section = _section(kind, str(part))
        if section is not None:
            kind = section
    return {field.alias or name for name, field in kind.model_fields.items()}


def _section(kind: type[BaseModel], name: str) -> type[BaseModel] | None:
    field = kind.model_fields.get(name)
    return None if field is None else next(iter(_sections(field.annotation)), None)


def _sections(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for part in get_args(annotation) for section in _sections(part)]
