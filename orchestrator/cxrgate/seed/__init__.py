"""anonymization-pipeline's configuration, steps and files, for those who come from there."""

from cxrgate.seed.config import SeedConfig, is_seed_config, read_seed_config, run_config
from cxrgate.seed.embed import embed
from cxrgate.seed.filter import Filtered, filter_dataset
from cxrgate.seed.lookup import read_lookup_table, write_lookup_table
from cxrgate.seed.run import publish_filtered
from cxrgate.seed.search import search
from cxrgate.seed.step import Coverage, Options
from cxrgate.seed.verify import verify

__all__ = [
    "Coverage",
    "Filtered",
    "Options",
    "SeedConfig",
    "embed",
    "filter_dataset",
    "is_seed_config",
    "publish_filtered",
    "read_lookup_table",
    "read_seed_config",
    "run_config",
    "search",
    "verify",
    "write_lookup_table",
]
