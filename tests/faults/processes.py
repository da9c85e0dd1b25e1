"""A run that stands still, two runs on one output, workers that die, and files that others write into."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
from faults.job import MISBEHAVIOURS
from faults.kills import SEED
from faults.tries import Bench, Try


def stopped(bench: Bench) -> Iterator[Try]:
    """SIGSTOP at a random moment of checking, and SIGCONT: the same set, by the same run."""
    rng, name = random.Random(SEED), "stopped"
    for seconds in bench.pick((1,), (2,), (2, 30)):
        running = bench.checking(name)
        time.sleep(rng.uniform(0, 0.1))
        running.send(signal.SIGSTOP)
        time.sleep(seconds)
        running.send(signal.SIGCONT)
        yield bench.resume(f"stands still for {seconds} s (SIGSTOP)", name, running.wait())


def two_owners(bench: Bench) -> Iterator[Try]:
    """A second run on the output of a first one that stands still: it is told, and changes nothing."""
    running = bench.checking("owned")
    running.send(signal.SIGSTOP)
    second = bench.runs.start(bench.job.config("owned")).wait()
    running.send(signal.SIGCONT)
    told = () if second.get("error") == "UsageError" else (f"the second run was not refused: {second}",)
    found = bench.resume("two runs on one output", "owned", running.wait())
    yield Try(found.fault, (*told, *found.violations), found.seconds)


def dying_decoders(bench: Bench) -> Iterator[Try]:
    """Decoders that end, crash or fill their memory at an image cost that image; workers killed from outside none."""
    name = "decoders"
    bench.job.clear(name)
    running = bench.runs.start(bench.job.config(name), [("misbehaving_decoder", {})], sandbox=True)
    fault = f"decode worker: {', '.join(MISBEHAVIOURS)}"
    yield bench.resume(fault, name, running.wait(), lost=True)

    running = bench.checking(name, sandbox=True)
    for child in psutil.Process(running.pid).children():
        child.kill()
    yield bench.resume("decode workers and writers killed from outside", name, running.wait(), sandbox=True)


def changed_files(bench: Bench) -> Iterator[Try]:
    """Somebody writes into the snapshot, which is in memory already, or into what is staged, which is not published."""
    yield _changed(bench, "snapshot written into under the run", _damage_snapshot, "")
    yield _changed(bench, "staged file replaced during the run", _replace_staged, "ReleaseChanged")


def _changed(bench: Bench, fault: str, damage: Callable[[Bench, Path], Callable[[], None]], error: str) -> Try:
    running, output = bench.checking("changed"), bench.job.output("changed")
    running.send(signal.SIGSTOP)
    repair = damage(bench, output)
    running.send(signal.SIGCONT)
    ended = running.wait()
    told = () if ended.get("error", "") == error else (f"expected {error or 'no error'}, the run ended in {ended}",)
    repair()
    found = bench.resume(fault, "changed", ended)
    return Try(fault, (*told, *found.violations), found.seconds)


def _damage_snapshot(bench: Bench, _: Path) -> Callable[[], None]:
    """Other numbers in the very files, as `cp` writes them; gives what puts back the old ones."""
    files = {path: path.read_bytes() for path in (bench.job.folder / "snapshot").glob("*.npy")}
    for path, content in files.items():
        with path.open("rb+") as file:
            file.write(content[:128] + content[128:][::-1])

    def repair() -> None:
        for path, content in files.items():
            with path.open("rb+") as file:
                file.write(content)

    return repair


def _replace_staged(_: Bench, output: Path) -> Callable[[], None]:
    first, second = sorted((output / "work/staged").rglob("*.png"))[:2]
    shutil.copyfile(second, first)
    return lambda: None
