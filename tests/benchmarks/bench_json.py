"""out/bench.json: the figures of all parts, and with what each was measured."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

OUTPUT = Path("out/bench.json")
ROOT = Path(__file__).parents[2]
MODELS = ("retrieval", "verification", "copy")
LIBRARIES = ("faiss-cpu", "hnswlib", "numpy", "openvino", "ray", "scipy", "torch", "torchserve", "usearch")


def read() -> dict[str, Any]:
    """All figures so far."""
    return json.loads(OUTPUT.read_text()) if OUTPUT.is_file() else {}


def merge(figures: Mapping[str, Any]) -> None:
    """Write these figures over those of the same names; others stay."""
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps({**read(), **figures}, indent=2) + "\n")


def merge_part(name: str, figures: Mapping[str, Any], seconds: float) -> None:
    """Merge the figures of one part, and say beside them what they were measured with."""
    now = datetime.now(UTC)
    about = {
        "seconds": round(seconds, 1),
        "finished": now.isoformat(timespec="seconds"),
        "finished_at": now.timestamp(),
        **measured_with(),
    }
    merge({**figures, "parts": {**read().get("parts", {}), name: about}})


def measured_with() -> dict[str, Any]:
    """Machine, commit and digests."""
    return {"machine": machine(), "commit": commit(), "digests": digests(), "versions": versions()}


def machine() -> dict[str, Any]:
    """The processor, its cores that are ours, memory in GiB, and the load before."""
    about = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    names = [line.partition(":")[2].strip() for line in about if line.startswith("model name")]
    flags = next((line.split() for line in about if line.startswith("flags")), [])
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "instructions": sorted(
            flag for flag in flags if flag.startswith(("avx512_vnni", "avx512_bf16", "avx2", "amx"))
        ),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "system": platform.platform(),
        "load": os.getloadavg(),
    }


def commit() -> str:
    """What is checked out, with `+` where files differ from it; empty outside a working copy."""
    asked = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"]
    found = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip()


def digests() -> dict[str, str]:
    """SHA-256 of the shipped models' manifests, which name the weights' digests, and of the search kernel's source."""
    files = {name: ROOT / "model_store" / name / "model.json" for name in MODELS}
    kernel = ROOT / "services/cxrgate/index/engines/coded/nearest.c"
    return {name: sha256(path.read_bytes()).hexdigest() for name, path in {**files, kernel.name: kernel}.items()}


def versions() -> dict[str, str]:
    """Of Python and of what computes."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
