"""How the pages are rendered: their templates' settings and the words for numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


def make_environment(*packages: str) -> Environment:
    """An environment over the folder `templates` of each package, looked up in that order."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in packages]),
        autoescape=True,  # image names and class folders come from whoever made the set
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"decimal": _decimal, "percent": _percent, "count": _count, "facts": _facts}
    return environment


def _decimal(value: float) -> str:
    """Four decimals, the order of the policy's band; a dash for NaN."""
    return f"{value:.4f}" if math.isfinite(value) else "\N{EN DASH}"


def _percent(share: float) -> str:
    return f"{share:.1%}" if math.isfinite(share) else "\N{EN DASH}"


def _count(number: int) -> str:
    return f"{number:,}"


def _facts(mapping: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A mapping as words: `input_size` becomes `input size`, a list its items."""
    return [
        (key.replace("_", " "), ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))
        for key, value in mapping.items()
    ]
