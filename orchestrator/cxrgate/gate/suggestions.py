"""What is wrong with the keys of a configuration, in words of a configuration: pydantic speaks of its own types."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

_WANTED = {
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "path_type": "a path",
    "string_type": "text",
    "model_type": "keys with their values",
    "dict_type": "keys with their values",
    "tuple_type": "a list",
}
_BOUNDS = {"less_than", "less_than_equal", "greater_than", "greater_than_equal"}
_CHOICES = {"literal_error", "enum"}
_SHOULD = "Input should be "
_LONGEST = 40
"""Characters of a wrong value that are shown."""


def explain(kind: type[BaseModel], errors: Iterable[ErrorDetails]) -> list[str]:
    """A line for each key that is wrong: where, what, and for an unknown key the one that may be meant.

    Where several kinds of values are allowed, pydantic has an error for each of them: they are one line here.
    """
    found: dict[str, list[ErrorDetails]] = {}
    for error in errors:
        found.setdefault(_place(kind, error["loc"]), []).append(error)
    # Of keys below a key the ones below say what is wrong, and not that it might have been a word.
    deepest = [place for place in found if not any(other.startswith(f"{place}.") for other in found)]
    return [f"  {place or 'file'}: {message}" for place in deepest for message in _messages(kind, found[place])]


def _place(kind: type[BaseModel], location: Sequence[int | str]) -> str:
    """The keys and numbers of a location, without the names of types that pydantic has among them."""
    parts: list[str] = []
    section: type[BaseModel] | None = kind
    for number, part in enumerate(location):
        if isinstance(part, int):
            parts.append(str(part))
        elif section is not None and not _is_type(section, part):
            parts.append(part)
            annotation = _fields(section).get(part)
            if get_origin(annotation) is dict:  # whose keys are the user's
                return ".".join([*parts, *map(str, location[number + 1 :])])
            section = next(iter(_sections(annotation)), None)
    return ".".join(parts)


def _is_type(section: type[BaseModel], part: str) -> bool:
    """Whether it names one of the types that a key may have, as a section or literal['shipped'], and no key."""
    return part == section.__name__ or "[" in part


def _messages(kind: type[BaseModel], errors: Sequence[ErrorDetails]) -> list[str]:
    wanted = list(dict.fromkeys(want for error in errors if (want := _wanted(error))))
    others = [_other(kind, error) for error in errors if not _wanted(error)]
    if not wanted:
        return list(dict.fromkeys(others))
    value = errors[0]["input"]
    return [*others, f"expected {' or '.join(wanted)}, got {_told(value)}{_hint(errors, value)}"]


def _wanted(error: ErrorDetails) -> str | None:
    """What was expected; None where pydantic's message, or our own, is a sentence of another kind."""
    told = error["msg"].removeprefix(_SHOULD)
    if error["type"] in _BOUNDS:
        return f"a number {told}"
    return told if error["type"] in _CHOICES else _WANTED.get(error["type"])


def _other(kind: type[BaseModel], error: ErrorDetails) -> str:
    if error["type"] == "extra_forbidden":
        known = sorted(_keys(kind, error["loc"][:-1]))
        close = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
        return f"{error['msg']}: no such key; {hint}"
    return error["msg"].removeprefix("Value error, ")


def _told(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict | list | tuple):
        return "keys with values" if isinstance(value, dict) else "a list"
    told = str(value)
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}..."


def _hint(errors: Sequence[ErrorDetails], value: Any) -> str:
    """How a percentage is written, where one was given for a share."""
    text = str(value).strip()
    above = any(error["type"].startswith("less_than") and _limit(error.get("ctx", {})) <= 1 for error in errors)
    if not (above or text.endswith("%")):
        return ""
    try:
        percent = float(text.removesuffix("%"))
    except ValueError:
        return ""
    return f"; {percent:g} % is written as {percent / 100:g}" if 1 <= percent <= 100 else ""


def _limit(context: Mapping[str, Any]) -> float:
    return float(context.get("le", context.get("lt", 0)))


def _fields(kind: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in kind.model_fields.items()}


def _keys(kind: type[BaseModel], place: Sequence[int | str]) -> set[str]:
    """The keys that the section at that place knows."""
    for part in place:
        section = next(iter(_sections(_fields(kind).get(str(part)))), None)
        if section is not None:
            kind = section
    return set(_fields(kind))


def _sections(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for part in get_args(annotation) for section in _sections(part)]
