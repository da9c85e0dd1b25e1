"""What serving costs, as ratios to the same work in one process: one function for each service."""

import tempfile
from pathlib import Path

from benchmarks.services.gate import gate_overhead
from benchmarks.services.index import find_neighbors
from benchmarks.services.models import torchserve


def torchserve_figures(*, long):
    """Of the model server."""
    with tempfile.TemporaryDirectory() as name:
        return torchserve(Path(name), rounds=9 if long else 3)


def index_figures(*, long):
    """Of the index service."""
    with tempfile.TemporaryDirectory() as name:
        return find_neighbors(Path(name), rounds=9 if long else 3)


def gate_figures(*, long):
    """Of the gate."""
    return gate_overhead(60 if long else 15)
