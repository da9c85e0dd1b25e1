"""Numbers of a certified rule that let more pass than the default rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FIRST_DEFAULTS = {"candidates": 3, "score_threshold": 0.5, "copy_threshold": 0.9, "minimum_typicality": 0.1}
"""The default rule of the releases whose certificates (format 1) do not name it."""


def laxer_numbers(certificate: Mapping[str, Any], models: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is laxer, by name, with both numbers.

    Args:
        certificate: its statement. One of format 2 says itself what is laxer than the default of its time.
        models: of run.json; a copy model brings its own threshold along.
    """
    if "laxer" in certificate:
        return [dict(item) for item in certificate["laxer"]]
    own = models.get("copy", {}).get("threshold")
    default = {**FIRST_DEFAULTS, **({} if own is None else {"copy_threshold": own})}
    bound = certificate["binding"]
    return [
        {"name": name, "certified": bound[name], "default": value}
        for name, value in default.items()
        if name in bound and is_laxer(name, bound[name], value)
    ]


def is_laxer(name: str, value: float | None, default: float | None) -> bool:
    """Whether a number lets more pass than another: a higher threshold, a lower minimum, or none at all."""
    if value is None or default is None:
        return value is None and default is not None
    return value > default if name.endswith("_threshold") else value < default
