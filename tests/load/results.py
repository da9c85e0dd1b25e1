"""Results on disk: figures with the machine, the commit and the digests of what they are about."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
from load.figures import Scenario
from load.host import Loaded

OUTPUT = Path("out/load.json")


def merge(part: str, found: Sequence[Scenario], gate: Loaded) -> None:
    """Put the figures of these scenarios in their place in the file; what others put there stays."""
    OUTPUT.parent.mkdir(exist_ok=True)
    before = json.loads(OUTPUT.read_text()) if OUTPUT.is_file() else {}
    figures = {item.name: {figure.name: asdict(figure) for figure in item.figures} for item in found}
    told = {**_about(gate), "violations": {item.name: item.violations for item in found if item.violations}}
    OUTPUT.write_text(json.dumps({**before, part: {"about": told, "scenarios": figures}}, indent=2) + "\n")


def _about(gate: Loaded) -> dict[str, Any]:
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    changed = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=False).stdout
    return {
        "machine": {
            "processor": _processor(),
            "gate_cores": len(gate.cores.gate),
            "generator_cores": len(gate.cores.generator),
            "gib": round(psutil.virtual_memory().total / 2**30, 1),
            "load_average": os.getloadavg(),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "commit": commit + ("+" if changed else ""),
        "images_sha256": gate.corpus.digest,
        "configuration_sha256": hashlib.sha256(gate.corpus.config.read_bytes()).hexdigest(),
        "policy_digest": next(said[2] for said in gate.expected if len(said) > 2),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
