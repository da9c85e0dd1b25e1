"""Kill -9 at every named failpoint, and at random moments."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from faults.interventions import POINTS
from faults.job import JOURNAL
from faults.runs import Running
from faults.tries import Bench, Try, size, until

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
_SHORT = ("journal", "rename")
"""Those of the short form: the one that is passed while images are checked, and the one that publishes."""
ENDS = 10
"""Random kills that fall into one output before its run is allowed to end."""


def at_failpoints(bench: Bench) -> Iterator[Try]:
    """Each point, before and after a call of it: a run resumes what the kill before has left, and is killed itself."""
    name = "killed"
    bench.job.clear(name)
    points = bench.pick(_SHORT, POINTS, POINTS)
    yield from _chain(bench, name, [point for point in points if point in CHECKING])
    for point in [point for point in points if point not in CHECKING]:
        for after in bench.some((False, True)):
            if after and point != "remove":  # the first publication, where there is no older set to take away
                for folder in ("results", "released"):
                    shutil.rmtree(bench.job.output(name) / folder, ignore_errors=True)
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
        for after in bench.some((False, True)):
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
    """Kills at random moments, three of four aimed at checking; after some of them the run may end.

    What it left tells where a kill fell. A run that came to its end before counts as no kill.
    """
    rng, wanted, killed, checking, name = random.Random(SEED), bench.pick(4, ENDS, 200), 0, 0, "random"
    output = bench.job.output(name)
    bench.job.clear(name)
    while killed < wanted:
        before = size(output / JOURNAL)
        running = bench.runs.start(bench.job.config(name))
        _kill_sometime(rng, running, output, aimed=killed % 4 != 3)
        ended = running.ended()
        if ended:
            yield bench.resume("run that ended after some kills", name, ended)
            bench.job.clear(name)
            continue
        killed += 1
        left = bench.verified(output)
        falls = size(output / JOURNAL) > before and left is not None and left.images < len(bench.job.listed)
        checking += falls
        fault = f"kill -9 at random, {'while checking' if falls else 'before or after checking'}"
        if killed % ENDS == 0 or killed == wanted:
            yield bench.resume(fault, name, ended)
            bench.job.clear(name)
        else:
            yield Try(fault, tuple(bench.violations(output)))
    if 2 * checking < wanted:
        yield Try("kill -9 at random", (f"only {checking} of {wanted} kills fell while images were checked",))


def _kill_sometime(rng: random.Random, running: Running, output: Path, *, aimed: bool) -> None:
    """Kill it at a random moment, where it is aimed after it has journalled a batch."""
    if aimed:
        _grown(running, output)
    time.sleep(rng.uniform(0, 0.05 if aimed else 0.5))
    running.kill()


def _grown(running: Running, output: Path) -> None:
    """Wait until the run has journalled a batch, or has ended."""
    journal = output / JOURNAL
    before = size(journal)
    until(running, lambda: size(journal) > before)
