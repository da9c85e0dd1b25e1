"""`cxrgate run` on a configuration of anonymization-pipeline: where the released set has to lie."""

from __future__ import annotations

import json
from pathlib import Path

from cxrgate.gate.config import RunConfig
from cxrgate.run.release import MANIFEST, publish
from cxrgate.run.run import Paths


def publish_filtered(settings: RunConfig, folder: Path) -> None:
    """Make `folder` the released set of a run that has just finished (hard links; copies on another file system)."""
    released = Paths(settings.output).released
    manifest = json.loads((released / MANIFEST).read_text())
    publish(released, folder, manifest.pop("files"), manifest)
