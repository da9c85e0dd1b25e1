"""Numbers of a rule that let more pass than those of the default rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FIRST_DEFAULTS = {"candidates": 3, "score_threshold": 0.5, "copy_threshold": 0.9, "minimum_typicality": 0.1}
"""The default rule of the releases whose certificates (format 1) do not name it."""
WORDS = {
    "candidates": "nearest references that are looked at",
    "score_threshold": "same-patient score threshold",
    "standout_threshold": "standout threshold",
    "copy_threshold": "copy similarity threshold",
    "minimum_typicality": "minimum typicality",
    "minimum_frontality": "minimum frontality",
}
"""The numbers of a rule as people read them. Signed sentences hold these words: new ones are for new formats."""


def laxer_numbers(bound: Mapping[str, Any], default: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each number that is laxer than the default rule's: name, certified value, default; in order of the names.

    Args:
        bound: the numbers of a rule by name, other parts of a certificate's binding among them.
        default: the numbers of the default rule for the same snapshot and models.
    """
    return [
        {"name": name, "certified": bound[name], "default": value}
        for name, value in sorted(default.items())
        if name in bound and _is_laxer(name, bound[name], value)
    ]


def certified_laxer(statement: Mapping[str, Any], models: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is laxer in a certificate: by its own word, or, of format 1, than the default rule of that time.

    Args:
        statement: of the certificate.
        models: manifests by kind as run.json holds them; a copy model brings its own threshold along.
    """
    if "laxer" in statement:
        return [dict(item) for item in statement["laxer"]]
    own = models.get("copy", {}).get("threshold")
    default = {**FIRST_DEFAULTS, **({} if own is None else {"copy_threshold": own})}
    return laxer_numbers(statement["binding"], default)


def laxer_words(items: list[dict[str, Any]]) -> str:
    """`same-patient score threshold 1 instead of 0.5; ...`."""
    return "; ".join(
        f"{WORDS.get(item['name'], item['name'])} {_number(item['certified'])} instead of {_number(item['default'])}"
        for item in items
    )


def _is_laxer(name: str, value: float | None, default: float | None) -> bool:
    """A higher threshold, a lower minimum, fewer candidates, or none at all."""
    if value is None or default is None:
        return value is None and default is not None
    return value > default if name.endswith("_threshold") else value < default


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"
