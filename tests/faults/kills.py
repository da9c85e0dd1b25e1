"""Kill -9 at every named failpoint, and at random moments."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

from faults.interventions import POINTS
from faults.runs import Running
from faults.tries import Bench, Try, until

SEED = 20261129
CHECKING = {
    "decode": 2,
    "embed": 2,
    "search": 2,
    "verify": 2,
    "decide": 40,
    "stage": 40,
    "journal": 1,
    "certificate": 1,
    "write": 2,
}
"""The failpoints that each batch passes, and which call of them is hit."""
_LATE = {"link": 300, "sync": 300}
"""Which call of those is hit that a publication passes once for each file; of the others the first."""
ENDS = 10
"""Random kills that fall into one output before its run is allowed to end."""


def at_failpoints(bench: Bench) -> Iterator[Try]:
    """Each point, before and after a call of it: a run resumes what the kill before has left, and is killed itself."""
    name = "killed"
    bench.job.clear(name)
    yield from _chain(bench, name, list(CHECKING))
    for point in [point for point in POINTS if point not in CHECKING]:
        for after in (False, True):
            running = bench.runs.start(bench.job.config(name), [_kill(point, after=after)])
            ended = running.wait()
            if ended.get("done"):
                yield Try(_fault(point, after=after), ("the failpoint was not reached",))
            else:
                yield bench.resume(_fault(point, after=after), name, ended)


def _chain(bench: Bench, name: str, points: list[str]) -> Iterator[Try]:
    """Kills while images are checked. Recovered is who journals a batch, or comes to the next kill."""
    output = bench.job.output(name)
    for point in points:
        for after in (False, True):
            started = time.monotonic()
            running = bench.runs.start(bench.job.config(name), [_kill(point, after=after)])
            _grown(running, output)
            seconds = time.monotonic() - started
            told = ("the failpoint was not reached",) if running.wait() else ()
            yield Try(_fault(point, after=after), (*told, *bench.violations(output)), seconds)


def _kill(point: str, *, after: bool) -> tuple[str, dict[str, object]]:
    return "kill", {"at": point, "nth": CHECKING.get(point, _LATE.get(point, 1)), "after": after}


def _fault(point: str, *, after: bool) -> str:
    return f"kill -9 {'after' if after else 'before'} {point}"


def at_random(bench: Bench) -> Iterator[Try]:
    """Kills at random moments, three of four while images are checked; after some of them the run may end."""
    rng, count, name = random.Random(SEED), 200 if bench.long else ENDS, "random"
    output = bench.job.output(name)
    bench.job.clear(name)
    for number in range(count):
        checking = number % 4 != 3
        running = bench.runs.start(bench.job.config(name))
        if checking:
            _grown(running, output)
        time.sleep(rng.uniform(0, 0.05 if checking else 0.5))
        running.kill()
        ended = running.ended()
        fault = f"kill -9 at random, {'while checking' if checking else 'at any time'}"
        if ended.get("done") or number % ENDS == ENDS - 1:
            yield bench.resume(fault, name, ended)
            bench.job.clear(name)
        else:
            yield Try(fault, tuple(bench.violations(output)))


def _grown(running: Running, output: Path) -> None:
    """Wait until the run has journalled a batch, or has ended."""
    journal = output / "work/journal.jsonl"
    before = size(journal)
    until(running, lambda: size(journal) > before)


def size(path: Path) -> int:
    """Of a file; 0 where there is none."""
    return path.stat().st_size if path.exists() else 0
