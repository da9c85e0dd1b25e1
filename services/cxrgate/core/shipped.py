"""Files that come with cxrgate: models, roles, a leak policy. Found as installed, or else in the checkout."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final

from cxrgate.core.errors import UsageError

SHIPPED: Final = "shipped"
"""The word for the shipped models where a folder of models is asked for."""

_PACKAGE = "cxrgate_models"
_HERE = Path(__file__).resolve()
_INSTALLED, _CHECKOUT = _HERE.parents[1] / "shipped", _HERE.parents[3]


def shipped_models() -> Path:
    """The folder of the shipped models retrieval, verification and copy, with demo/ and recipes/ beside them.

    The package cxrgate-models has it where that is installed, and otherwise the checkout that cxrgate lies in.

    Raises:
        UsageError: neither is there.
    """
    for folder in (*_package_folders(), _CHECKOUT / "model_store"):
        if (folder / "retrieval").is_dir():
            return folder
    raise UsageError(
        "the shipped models are not installed: pip install cxrgate-models, or name a folder with retrieval, "
        "verification and copy by `models` in the configuration or --models"
    )


def shipped_recipe(name: str) -> Path:
    """The recipe of that name, such as retrieval or frontality; errors as shipped_models."""
    return shipped_models() / "recipes" / f"{name}.yaml"


def _package_folders() -> list[Path]:
    """The installed package's folder and, for one that is installed from a checkout in place, the one above it."""
    found = importlib.util.find_spec(_PACKAGE)
    folders = [Path(place) for place in (found and found.submodule_search_locations) or ()]
    return [each for folder in folders for each in (folder, folder.parent)]


def shipped_file(name: str) -> Path:
    """One of the files roles.yaml and leak_policy.yaml.

    Raises:
        UsageError: it is not there.
    """
    for folder in (_INSTALLED, _CHECKOUT / "deploy"):
        if (folder / name).is_file():
            return folder / name
    raise UsageError(f"{name} is missing from this installation of cxrgate: install it again, or name a file of yours")
