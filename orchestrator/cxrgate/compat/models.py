"""The models that a configuration of anonymization-pipeline names: a published checkpoint or a model folder of ours."""

from __future__ import annotations

from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.core.digest import file_digest
from cxrgate.models import ModelKind
from cxrgate.models.presets import PRESETS
from cxrgate.models.torch_extra import expect_torch

PRESET = "anonymization-pipeline"


def model_folder(path: Path, kind: ModelKind, home: Path) -> Path:
    """The model folder at `path`; a checkpoint is imported first, once, into a folder named by its sha256.

    Raises:
        UsageError: nothing lies at `path`.
        ModelError: see models.import_checkpoint.
    """
    if path.is_dir():
        return path
    if not path.is_file():
        raise UsageError(f"there is no {kind} model at {path}: name a checkpoint or a model folder")
    folder = home / "models" / f"{kind}-{file_digest(path)[:16]}"
    if not folder.is_dir():
        expect_torch("the import of a checkpoint")
        from cxrgate.models.checkpoint import import_checkpoint  # noqa: PLC0415

        import_checkpoint(path, folder, kind, PRESETS[PRESET][kind])
    return folder
