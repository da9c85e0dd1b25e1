"""Search, coding and memory as the number of references grows: in all spaces, and in one of 128 numbers to the end.

Each number of references has a process of its own. CPU time of one thread, so that other load counts little.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from benchmarks.search.embeddings import SHIPPED, invent

SIZES, LONG_SIZES = (1_000, 10_000), (1_000, 10_000, 112_120, 1_000_000)
"""References in all spaces."""
FAR, LONG_FAR = (), (1_000_000, 10_000_000)
"""In the learned copy space alone, up to what 24 GiB of memory hold."""
ONE_SPACE = "copy"
BATCHES = (1, 16, 256, 4096)
AT_ONCE = 200_000
"""References that are invented at a time; each part has patients of its own."""
TESTS = Path(__file__).parents[2]


def write_space(folder: Path, space: str, count: int) -> None:
    """SPACE.npy and SPACE.queries.npy: queries are about the first part's patients."""
    references, queries = invent(space, min(count, AT_ONCE), max(BATCHES))
    np.save(folder / f"{space}.queries.npy", queries)
    shape = (count, references.shape[1])
    rows = np.lib.format.open_memmap(folder / f"{space}.npy", "w+", np.float32, shape)
    rows[: len(references)] = references
    for number, first in enumerate(range(len(references), count, AT_ONCE), 1):
        size = min(AT_ONCE, count - first)
        rows[first : first + size] = invent(space, size, 0, patients=number)[0]
    rows.flush()


def measured(count: int, spaces: tuple[str, ...]) -> dict:
    """See one_size."""
    with tempfile.TemporaryDirectory() as name:
        for space in spaces:
            write_space(Path(name), space, count)
        command = [sys.executable, "-m", "benchmarks.references.one_size", name, *map(str, BATCHES)]
        # pytest tells its own paths to no process it starts.
        environment = {**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
    print(f"{count:,} references: {found}", end="", flush=True)
    return json.loads(found.splitlines()[-1])


def references_figures(sizes: tuple[int, ...], far: tuple[int, ...]) -> dict:
    """By number of references."""
    return {
        "growth_over_references": {
            "all_spaces": {str(count): measured(count, SHIPPED) for count in sizes},
            "one_space": {str(count): measured(count, (ONE_SPACE,)) for count in far},
        }
    }


def figures(*, long: bool) -> dict:
    """Of references."""
    return references_figures(LONG_SIZES if long else SIZES, LONG_FAR if long else FAR)
