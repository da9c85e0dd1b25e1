"""What a second Ray node brings, and what Ray costs on one: the shipped models, by the clock from the first image on.

A node has one core of this host. Arms take turns; ratios are within a round, and the keys are the rounds' medians.
Starting Ray and opening the models is in `whole_seconds` alone.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.pipeline.inputs import write_references, write_synthetic

SIDE = 224
IMAGES = 1024
"""Eight tasks: as many for each of two nodes."""
TESTS = Path(__file__).parents[2]


def one_run(folder: Path, name: str, nodes: int) -> dict:
    """See one_run."""
    output = folder / "out"
    command = [sys.executable, "-m", "benchmarks.ray_nodes.one_run", str(folder), name, str(output), str(nodes)]
    paths = {**os.environ, "PYTHONPATH": str(TESTS)}  # pytest tells its own paths to no process it starts
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=paths).stdout
    shutil.rmtree(output)
    return json.loads(found.splitlines()[-1])


def figures(*, long: bool) -> dict:
    """Of both clusters."""
    return ray_figures(IMAGES, rounds=7 if long else 2)


def ray_figures(images: int, rounds: int) -> dict:
    """Of runs over so many images."""
    if len(os.sched_getaffinity(0)) < 2:
        raise SystemExit("two nodes of one core each need two cores")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_references(folder, SIDE)
        write_synthetic(folder, "few", SIDE, 16)
        write_synthetic(folder, "synthetic", SIDE, images)
        one_run(folder, "few", 0)  # builds the snapshot
        found = [{nodes: one_run(folder, "synthetic", nodes) for nodes in (0, 1, 2)} for _ in range(rounds)]
    seconds = [[each[nodes]["seconds"] for nodes in (0, 1, 2)] for each in found]
    return {
        "ray_two_nodes_over_one": statistics.median(one / two for _, one, two in seconds),
        "ray_cost_on_one_node": statistics.median(one / without - 1 for without, one, _ in seconds),
        "ray": {
            "images": images,
            "seconds_without_one_node_two_nodes": seconds,
            "whole_seconds": [[each[nodes]["whole_seconds"] for nodes in (0, 1, 2)] for each in found],
        },
    }
