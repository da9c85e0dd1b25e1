"""`make load` and `make soak`: what a gate takes and what it refuses, a line of figures beside limits for each."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from load.corpus import SIDE, SMALL
from load.figures import Scenario
from load.host import Loaded, loaded_gate
from load.results import merge
from load.scenarios import Bench, capacity, every_scenario
from load.soak import soak

SECONDS, LONG_SECONDS, HALF_OPEN = 8.0, 60.0, 2000
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where the gate's log lies: who else writes to a disk must not show in the figures, and a log waits for its disk."""

SOAK_SECONDS, LONG_SOAK_SECONDS = 300.0, 3600.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenarios; 1 where a limit was violated."""
    parser = argparse.ArgumentParser(prog="load", description=__doc__)
    parser.add_argument("what", choices=("load", "soak"), nargs="?", default="load")
    parser.add_argument("--seconds", type=float, help=f"of each scenario ({SECONDS:g}), of a soak ({SOAK_SECONDS:g})")
    parser.add_argument("--long", action="store_true", help=f"{LONG_SECONDS:g} and {LONG_SOAK_SECONDS:g} seconds")
    parser.add_argument("--only", default="", help="scenarios that have this in their name")
    parser.add_argument("--side", type=int, default=SIDE, help=f"pixels of the images ({SIDE}; generators': {SMALL})")
    options = parser.parse_args(arguments)
    found = []
    with (
        tempfile.TemporaryDirectory(prefix="cxrgate-load-", dir=MEMORY) as folder,
        loaded_gate(Path(folder), options.side) as gate,
    ):
        for scenario in _scenarios(gate, options):
            found.append(scenario)
            print(scenario, flush=True)  # noqa: T201
        merge(options.what, found, gate)
    violations = sum(len(item.violations) for item in found)
    print(f"{violations} violations in {len(found)} scenarios")  # noqa: T201
    return int(violations > 0)


def _scenarios(gate: Loaded, options: argparse.Namespace) -> Iterator[Scenario]:
    defaults = {"load": (SECONDS, LONG_SECONDS), "soak": (SOAK_SECONDS, LONG_SOAK_SECONDS)}
    seconds = options.seconds or defaults[options.what][options.long]
    rate, first = capacity(gate, min(seconds, SECONDS) / 2)
    yield first
    bench = Bench(gate, rate, seconds)
    if options.what == "soak":
        yield soak(bench)
        return
    for name, scenario in every_scenario(bench, HALF_OPEN):
        if options.only in name:
            yield scenario()


if __name__ == "__main__":
    sys.exit(main())
