"""The gate: sources through embed, search, verify and filter to the released set."""

from cxrgate.gate.config import Enrol, ModelFolders, Rule, RunConfig, Section, read_config, read_section
from cxrgate.gate.enrol import enrol, enrol_listed, list_images, read_excluded
from cxrgate.gate.local import LocalModels, local_gate, local_models
from cxrgate.gate.pipeline import Checked, Gate
from cxrgate.gate.remote_run import Services
from cxrgate.gate.run import Paths, RunSummary, run

__all__ = [
    "Checked",
    "Enrol",
    "Gate",
    "LocalModels",
    "ModelFolders",
    "Paths",
    "Rule",
    "RunConfig",
    "RunSummary",
    "Section",
    "Services",
    "enrol",
    "enrol_listed",
    "list_images",
    "local_gate",
    "local_models",
    "read_config",
    "read_excluded",
    "read_section",
    "run",
]
