"""What serving costs, as ratios to the same work in one process; merges its keys into out/bench.json. Five minutes."""

import json
import tempfile
from pathlib import Path

from benchmarks.services.gate import gate_overhead
from benchmarks.services.index import find_neighbors
from benchmarks.services.models import torchserve

SECONDS = 60
OUTPUT = Path("out/bench.json")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = {
            **torchserve(folder / "torchserve"),
            **find_neighbors(folder / "index"),
            **gate_overhead(SECONDS),
        }
    merge(figures)
    print(json.dumps(figures, indent=2))


def merge(figures):
    OUTPUT.parent.mkdir(exist_ok=True)
    before = json.loads(OUTPUT.read_text()) if OUTPUT.is_file() else {}
    OUTPUT.write_text(json.dumps({**before, **figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
