"""anonymization-pipeline's config.yaml: its keys, read and checked."""

from __future__ import annotations

from pathlib import Path

from cxrgate.compat.places import check_places
from cxrgate.core import UsageError
from cxrgate.gate.config import read_section
from cxrgate.gate.section import Section
from cxrgate.images import Layout
from cxrgate.storage.yaml_file import read_yaml


class PipelineConfig(Section):
    """The keys of config.yaml; relative paths count from its folder.

    `dataset_name` and `real_dataset_splits_path` may be missing, as in that project's own files.
    `exclude` is ours: a file with the names of real images to leave out, one a line.
    """

    dataset_name: Layout = Layout.MIMIC
    anonymous_dataset_path: Path
    real_dataset_path: Path
    real_dataset_splits_path: Path | None = None
    retrieval_model: Path
    verification_model: Path
    lookup_table_output: Path
    nearest_images_output: Path
    verification_output: Path
    filtered_dataset_output: Path
    exclude: Path | None = None

    @property
    def home(self) -> Path:
        """Where our own files lie: imported models, and for `cxrgate run` snapshot, key, reference map and results."""
        return self.lookup_table_output.parent / "cxrgate"


def is_pipeline_config(path: Path) -> bool:
    """Whether a file is a configuration of anonymization-pipeline, by its keys; False where it cannot be read."""
    try:
        content = read_yaml(path)
    except UsageError:
        return False
    return isinstance(content, dict) and "anonymous_dataset_path" in content


def read_pipeline_config(path: Path) -> PipelineConfig:
    """Read and check a configuration of anonymization-pipeline.

    Raises:
        UsageError: see gate.read_section and check_places.
    """
    config = read_section(path.absolute(), PipelineConfig)
    if config.dataset_name is not Layout.MIMIC and config.real_dataset_splits_path is not None:
        raise UsageError(
            f"real_dataset_splits_path is for dataset_name mimic only, not for {config.dataset_name}: remove it"
        )
    check_places(
        released=config.filtered_dataset_output,
        outputs=[config.lookup_table_output, config.nearest_images_output, config.verification_output, config.home],
        inputs=[config.anonymous_dataset_path, config.real_dataset_path],
    )
    return config
