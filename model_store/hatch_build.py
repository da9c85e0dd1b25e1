"""Puts the models into the wheel, and digests.json, so that a version says which they are."""

import hashlib
import json
import tempfile
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "cxrgate_models"
CONTENT = ("retrieval", "verification", "copy", "demo", "recipes", "false_flags.json")


def digests(root: Path) -> dict[str, str]:
    """Sha256 in hex by path below `root`, of every file that the wheel holds of it."""
    places = [root / name for name in CONTENT]
    files = [path for place in places for path in (place.rglob("*") if place.is_dir() else [place]) if path.is_file()]
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


class ModelsHook(BuildHookInterface):
    """An installation in place has the models where they lie, and no digests.json."""

    def initialize(self, version: str, build_data: dict) -> None:
        """Say what lies where in the wheel."""
        if version == "editable":
            return
        root = Path(self.root)
        # hatchling reads a file on the disk after this hook; the system clears its folder of temporary ones.
        table = Path(tempfile.mkdtemp()) / "digests.json"
        table.write_text(json.dumps({"version": self.metadata.version, "files": digests(root)}, indent=1) + "\n")
        build_data["force_include"].update({str(root / name): f"{PACKAGE}/{name}" for name in CONTENT})
        build_data["force_include"][str(table)] = f"{PACKAGE}/digests.json"
