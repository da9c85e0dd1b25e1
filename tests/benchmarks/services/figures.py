"""What serving costs, as ratios to the same work in one process."""

import tempfile
from pathlib import Path

from benchmarks.services.gate import gate_overhead
from benchmarks.services.index import find_neighbors
from benchmarks.services.models import torchserve


def figures(*, long):
    """Of models, index and gate as services."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return {
            **torchserve(folder / "torchserve", rounds=9 if long else 3),
            **find_neighbors(folder / "index", rounds=9 if long else 3),
            **gate_overhead(60 if long else 15),
        }
