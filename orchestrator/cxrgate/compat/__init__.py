"""anonymization-pipeline's configuration, steps and files, for those who come from there.

The reading of its configuration is re-exported; the steps load torch, and are imported from where they are defined.
"""

from cxrgate.compat.config import PipelineConfig, is_pipeline_config, read_pipeline_config

__all__ = ["PipelineConfig", "is_pipeline_config", "read_pipeline_config"]
