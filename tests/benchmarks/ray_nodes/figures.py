"""What a second Ray node brings, and what Ray costs on one: the shipped models, by the clock from the first image on.

A node has one core of this host. Arms take turns; ratios are within a round, and the keys are the rounds' medians.
Starting Ray and opening the models is in `whole_seconds` alone.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from pathlib import Path

from benchmarks.pipeline.inputs import write_references, write_synthetic
from benchmarks.run_apart import run_apart

SIDE = 224
IMAGES = 1024
"""Eight tasks: as many for each of two nodes."""


def one_run(folder: Path, name: str, nodes: int) -> dict:
    """See one_run."""
    return run_apart("benchmarks.ray_nodes.one_run", folder, name, nodes)


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
