"""`cxrgate run` on a configuration of anonymization-pipeline: the run it asks for, and where the released set lies."""

from __future__ import annotations

import json
from pathlib import Path

from cxrgate.compat.config import PipelineConfig
from cxrgate.compat.models import model_folder
from cxrgate.gate.config import Enrol, ModelFolders, RunConfig
from cxrgate.models import ModelKind
from cxrgate.run.paths import Paths
from cxrgate.run.release import MANIFEST, publish


def run_config(config: PipelineConfig) -> RunConfig:
    """The run that a configuration of anonymization-pipeline asks for, with the whole rule of cxrgate.

    Checkpoints are imported on the way. The run's own folders lie in `config.home`.

    Raises:
        CxrgateError: see compat.models.model_folder.
    """
    private = config.home / "private"
    return RunConfig(
        synthetic=config.anonymous_dataset_path,
        output=config.home / "run",
        snapshot=config.home / "snapshot",
        models=ModelFolders(
            retrieval=model_folder(config.retrieval_model, ModelKind.RETRIEVAL, config.home),
            verification=model_folder(config.verification_model, ModelKind.VERIFICATION, config.home),
        ),
        enrol=Enrol(
            images=config.real_dataset_path,
            key=private / "key",
            reference_map=private / "references.csv",
            exclude=config.exclude,
            layout=config.dataset_name,
            splits=config.real_dataset_splits_path,
        ),
    )


def publish_filtered(settings: RunConfig, folder: Path) -> None:
    """Make `folder` the released set of a run that has just finished (hard links; copies on another file system)."""
    released = Paths(settings.output).released
    manifest = json.loads((released / MANIFEST).read_text())
    publish(released, folder, manifest.pop("files"), manifest)
