"""The keys of config.yaml, from the models that read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cxrgate.gate.config import RunConfig
from manual.text import named, table

_INTRODUCTION = """# Configuration

Every key of `config.yaml`, as `cxrgate run`, `serve gate`, `calibrate` and the other commands read it. Relative paths
count from the file's folder. A key that is misspelt is refused, with the nearest one that there is.

"""


def keys() -> dict[str, dict[str, Any]]:
    """Every key by its dotted name: `type`, `default`, `description`."""
    schema = RunConfig.model_json_schema(by_alias=True)
    return dict(_walk(schema, schema, ""))


def _walk(node: dict[str, Any], root: dict[str, Any], prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, found in node.get("properties", {}).items():
        yield (
            f"{prefix}{name}",
            {
                "type": _type(found, root),
                "default": _default(found, required=name in node.get("required", ())),
                "description": found.get("description", ""),
            },
        )
        for part in _sections(found, root):
            yield from _walk(part, root, f"{prefix}{name}.")


def _sections(found: dict[str, Any], root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for option in (found, *found.get("anyOf", ()), *found.get("allOf", ())):
        if "$ref" in option:
            part = root["$defs"][option["$ref"].rsplit("/", 1)[1]]
            if "properties" in part:
                yield part


def _type(found: dict[str, Any], root: dict[str, Any]) -> str:
    options = found.get("anyOf") or [found]
    return " or ".join(dict.fromkeys(_name(option, root) for option in options))


def _name(option: dict[str, Any], root: dict[str, Any]) -> str:
    if "$ref" in option:
        part = root["$defs"][option["$ref"].rsplit("/", 1)[1]]
        return _name(part, root) if "enum" in part else "the keys below"
    if "const" in option:
        return f"`{option['const']}`"
    if "enum" in option:
        return ", ".join(f"`{value}`" for value in option["enum"])
    if option.get("format") == "path":
        return "path"
    kind = {"integer": "whole number", "number": "number", "string": "text", "boolean": "`true` or `false`"}
    bounds = [
        f"{words} {option[key]:g}"
        for key, words in (
            ("minimum", "from"),
            ("exclusiveMinimum", "above"),
            ("maximum", "to"),
            ("exclusiveMaximum", "below"),
        )
        if key in option
    ]
    word = kind.get(
        option.get("type", ""), {"null": "`null`", "array": "list", "object": "table"}.get(option.get("type", ""), "")
    )
    return " ".join([word, *bounds])


def _default(found: dict[str, Any], *, required: bool) -> str:
    if required:
        return "required"
    value = found.get("default")
    if isinstance(value, dict):
        return ""
    return "`null`" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _told(default: str) -> str:
    return f'<span class="narrow">default </span>{default}' if default.startswith("`") else default


def configuration_page() -> str:
    """The page; every key must say what it means."""
    rows = [
        (named(name), found["type"], _told(found["default"]), found["description"]) for name, found in keys().items()
    ]
    return _INTRODUCTION + table(("key", "value", "default", "meaning"), rows)
