"""`make soak`: half of what a gate can do, for long, while its memory, descriptors, threads and latency are watched."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from load.figures import Figure, Record, Scenario, milliseconds, of_kind, told, wrong
from load.host import Loaded
from load.identities import LIGHT
from load.scenarios import Bench

SHARE = 0.5
"""Of capacity."""

WARM_UP = 0.2
"""Of the time: then caches that are bounded are full, above all the images that the gate remembers of each caller."""

SLOPE = 1.0
"""MiB per minute that memory may grow."""

SPARE = 5
"""Descriptors and threads that may come and go."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Samples of a gate and its decode workers: seconds, MiB, descriptors, threads."""

    rows: list[tuple[float, float, int, int]] = field(default_factory=list)

    def slope(self, warm_up: float) -> float:
        """MiB per minute after so many seconds, by least squares."""
        found = np.array([row[:2] for row in self.rows if row[0] >= warm_up])
        return float(60 * np.polyfit(found[:, 0], found[:, 1], 1)[0])

    def more(self, column: int, warm_up: float) -> int:
        """How many more there were at once after the warm-up than at its end."""
        found = [row[column] for row in self.rows if row[0] >= warm_up]
        return int(max(found) - found[0])


def soak(bench: Bench, slope: float = SLOPE) -> Scenario:
    """Load of four identities; memory may grow by so many MiB per minute."""
    flows = [bench.flow(light, SHARE / len(LIGHT), light, seed=n) for n, light in enumerate(LIGHT)]
    with watching(bench.gate) as watch:
        records = [record for found in bench.gate.offer(*flows).values() for record in found]
    warm_up = WARM_UP * bench.seconds
    figures = (
        Figure("MiB per minute", watch.slope(warm_up), at_most=slope),
        Figure("descriptors more", watch.more(2, warm_up), at_most=SPARE),
        Figure("threads more", watch.more(3, warm_up), at_most=SPARE),
        Figure("p99 of the last fifth / second fifth", _drift(records, bench.seconds)),
        Figure("p99 ms", milliseconds(of_kind(records, "answered"), 0.99), at_most=200),
        Figure("MiB at the end", watch.rows[-1][1]),
        Figure("refused", len(of_kind(records, "refused")), at_most=0),
        *told(records)[:1],
    )
    return Scenario(f"soak of {bench.seconds:g} s", figures, wrong(records))


@contextmanager
def watching(gate: Loaded) -> Iterator[Watch]:
    """Take a sample each second."""
    watch, stop, begun = Watch(), threading.Event(), time.monotonic()

    def sample() -> None:
        while not stop.wait(1):
            every = [gate.gate, *gate.gate.children(recursive=True)]
            sums = (sum(item.num_fds() for item in every), sum(item.num_threads() for item in every))
            watch.rows.append((time.monotonic() - begun, gate.memory(), *sums))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        thread.join()


def _drift(records: list[Record], seconds: float) -> float:
    """How much slower answers became."""
    parts = [[item for item in records if n <= 5 * item["due"] / seconds < n + 1] for n in (1, 4)]
    before, after = (milliseconds(of_kind(part, "answered"), 0.99) for part in parts)
    return after / before
