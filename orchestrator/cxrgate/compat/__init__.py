"""anonymization-pipeline's configuration, steps and files, for those who come from there."""

from cxrgate.compat.config import PipelineConfig, is_pipeline_config, read_pipeline_config, run_config
from cxrgate.compat.embed import embed
from cxrgate.compat.filter import Filtered, filter_dataset
from cxrgate.compat.lookup import read_lookup_table, write_lookup_table
from cxrgate.compat.run import publish_filtered
from cxrgate.compat.search import search
from cxrgate.compat.step import Coverage, Options
from cxrgate.compat.verify import verify

__all__ = [
    "Coverage",
    "Filtered",
    "Options",
    "PipelineConfig",
    "embed",
    "filter_dataset",
    "is_pipeline_config",
    "publish_filtered",
    "read_lookup_table",
    "read_pipeline_config",
    "run_config",
    "search",
    "verify",
    "write_lookup_table",
]
