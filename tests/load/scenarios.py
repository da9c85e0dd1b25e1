"""What is offered to the gate, and the limits that it has to keep."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from load.figures import Figure, Record, Scenario, milliseconds, of_kind, told, wrong
from load.host import Loaded
from load.identities import HEAVY, LIGHT
from load.nuisances import half_open, silent, slow_readers

OUTSTANDING = 128
"""Calls that are open while capacity is measured: as many as a gate takes of one identity."""

LOW = 0.2
"""Of capacity: what is offered beside a nuisance, and by the light identities together."""

P99_MS, REFUSED_MS, GOODPUT, LIGHT_RATIO = 200.0, 50.0, 0.85, 2.0

LIMITED = 3.0
"""Times capacity up to which goodput and the time of refusals are limited: a refusal takes half a millisecond of a
processor, and somewhere refusing is all that one can do."""

SLOW_STREAMS, STREAMS_MIB = 32, 512
"""Streams that nobody reads, and what they may hold: what is read ahead, its pixels, and what gRPC received."""

KEPT_UP = 0.9
"""Of what was to be sent in a time; below it the generator was the bottleneck, and the figure is not of the gate."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A gate, how many images per second it answers, and how long a scenario takes."""

    gate: Loaded
    capacity: float
    seconds: float

    def flow(self, name: str, share: float, identity: str, arrivals: str = "poisson", **more: Any) -> dict[str, Any]:
        """An open flow at a share of capacity."""
        rate = share * self.capacity
        return {"name": name, "identity": identity, "arrivals": arrivals, "rate": rate, "seconds": self.seconds, **more}


def capacity(gate: Loaded, seconds: float) -> tuple[float, Scenario]:
    """Images per second, the median of three windows after one to warm up, with `OUTSTANDING` calls open.

    Raises:
        SystemExit: none was answered in most windows: shares of nothing cannot be offered.
    """
    flow = {"name": "c", "identity": HEAVY, "arrivals": "closed", "outstanding": OUTSTANDING, "seconds": 4 * seconds}
    records = gate.offer(flow)["c"]
    ends = [record["due"] + record["seconds"] for record in of_kind(records, "answered")]
    rates = [sum(n * seconds <= end < (n + 1) * seconds for end in ends) / seconds for n in (1, 2, 3)]
    found = statistics.median(rates)
    if not found:
        sys.exit(
            f"the gate answered no image in most windows of {seconds:g} s: there is no capacity to offer shares of"
        )
    spread = (max(rates) - min(rates)) / found
    figures = (Figure("images per second", found), Figure("spread of windows", spread), *told(records))
    return found, Scenario("capacity", figures, wrong(records))


def beside(bench: Bench, name: str, nuisance: Callable[[], Any], mib: float = 256) -> Scenario:
    """Others at 20 % of capacity while something is held open, which may take so much memory."""
    flows = [bench.flow(light, LOW / len(LIGHT), light, seed=n) for n, light in enumerate(LIGHT)]
    before = bench.gate.memory()
    with nuisance():
        records = _together(bench.gate.offer(*flows))
        grown = bench.gate.memory() - before
    figures = (
        Figure("others' p99 ms", milliseconds(of_kind(records, "answered"), 0.99), at_most=P99_MS),
        Figure("MiB more", grown, at_most=mib),
        *told(records),
        Figure("refused others", len(of_kind(records, "refused")), at_most=0),
    )
    return Scenario(name, figures, wrong(records))


def overload(bench: Bench, times: float, arrivals: str) -> Scenario:
    """More than the gate can do: it does what it can and refuses the rest at once."""
    records = bench.gate.offer(bench.flow("over", times, HEAVY, arrivals))["over"]
    # From when its places are taken to when no more comes.
    start, end = bench.seconds / 4, bench.seconds
    ends = [record["due"] + record["seconds"] for record in of_kind(records, "answered")]
    goodput = sum(start <= moment < end for moment in ends) / (end - start) / bench.capacity
    refused = of_kind(records, "refused")
    limited = times <= LIMITED
    latest = max(record["due"] + record["late"] for record in records)
    figures = (
        Figure("goodput / capacity", goodput, at_least=GOODPUT if limited else None),
        Figure("refused p99 ms", milliseconds(refused, 0.99), at_most=REFUSED_MS if limited else None),
        Figure("refused max ms", milliseconds(refused, 1)),
        *told(records),
        Figure("answered p99 ms", milliseconds(of_kind(records, "answered"), 0.99)),
        Figure("sent / planned", min(1.0, bench.seconds / latest), at_least=KEPT_UP if limited else None),
    )
    return Scenario(f"overload {times:g}x, {arrivals} arrivals", figures, wrong(records))


def bursts(bench: Bench) -> Scenario:
    """Two seconds' work at once, every four seconds, of one identity: answered or refused, and worked off in time."""
    size, every = round(2 * bench.capacity), 4.0
    flow = bench.flow("burst", 1, HEAVY, "burst", size=size, every=every)
    records = bench.gate.offer(flow)["burst"]
    answered = of_kind(records, "answered")
    bursts = {record["due"] for record in records}
    longest = max(record["seconds"] for record in answered)
    ideal = len(answered) / len(bursts) / bench.capacity
    figures = (
        Figure("worked off / ideal", longest / ideal, at_most=2),
        Figure("refused p99 ms", milliseconds(of_kind(records, "refused"), 0.99)),
        *told(records),
    )
    return Scenario("bursts", figures, wrong(records))


def fairness(bench: Bench) -> Scenario:
    """Four light identities, alone and beside a heavy one that offers half as much again as the gate can do."""
    flows = [bench.flow(light, LOW / len(LIGHT), light, seed=n) for n, light in enumerate(LIGHT)]
    alone = _together(bench.gate.offer(*flows))
    found = bench.gate.offer(*flows, bench.flow("heavy", 1.5, HEAVY))
    heavy = found.pop("heavy")
    light = _together(found)
    p99_alone, p99 = (milliseconds(of_kind(item, "answered"), 0.99) for item in (alone, light))
    figures = (
        Figure("light p99 / alone", p99 / p99_alone, at_most=LIGHT_RATIO),
        Figure("light p99 ms", p99),
        Figure("alone p99 ms", p99_alone),
        Figure("alone p50 ms", milliseconds(of_kind(alone, "answered"), 0.5)),
        *told(light),
        Figure("refused light", len(of_kind(light, "refused")), at_most=0),
        Figure("heavy answered", len(of_kind(heavy, "answered"))),
    )
    return Scenario("one heavy and four light identities", figures, wrong([*alone, *light, *heavy]))


def every_scenario(bench: Bench, crowd: int) -> Iterator[tuple[str, Callable[[], Scenario]]]:
    """By name, in their order."""
    yield "half-open", lambda: beside(bench, f"{crowd} half-open calls", lambda: half_open(bench.gate, crowd))
    yield "silent", lambda: beside(bench, "500 silent connections", lambda: silent(bench.gate, 500))
    name = f"{SLOW_STREAMS} streams that nobody reads"
    yield "slow", lambda: beside(bench, name, lambda: slow_readers(bench.gate, SLOW_STREAMS), STREAMS_MIB)
    for times, arrivals in ((1.5, "constant"), (3, "constant"), (3, "poisson"), (10, "constant")):
        yield "overload", lambda times=times, arrivals=arrivals: overload(bench, times, arrivals)
    yield "bursts", lambda: bursts(bench)
    yield "fairness", lambda: fairness(bench)


def _together(flows: dict[str, list[Record]]) -> list[Record]:
    return [record for records in flows.values() for record in records]
