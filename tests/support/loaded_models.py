"""Models that run in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cxrgate.gate.config import ModelFolders
from cxrgate.gate.local import LocalModels, local_models
from support.fakes import save_small_models


@contextmanager
def small_models(folder: Path) -> Iterator[LocalModels]:
    """Untrained small models, saved in a folder and loaded from it."""
    save_small_models(folder)
    with local_models(ModelFolders.of(folder), "cpu") as loaded:
        yield loaded
