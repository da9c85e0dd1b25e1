"""Files that are torn or rot while no run looks: found by the next run, and either mended by it or named."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from faults.job import JOURNAL
from faults.kills import SEED
from faults.tries import Bench, Try

Damage = Callable[[bytes, random.Random], bytes]


def _flip(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :]


def _tear(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


_DAMAGES: dict[str, Damage] = {"a flipped bit": _flip, "a torn end": _tear, "nothing left": lambda *_: b""}
_UNFINISHED = {"journal": JOURNAL, "a staged image": "work/staged/*/*.png"}
_FINISHED = {
    "journal": JOURNAL,
    "a staged image": "work/staged/*/*.png",
    "a released image": "released/*/*.png",
    "the manifest": "released/manifest.json",
    "the results": "results/results.parquet",
    "run.json": "results/run.json",
}
"""What is damaged after a kill in the middle, and after the end; one of the files that fit."""


def of_files(bench: Bench) -> Iterator[Try]:
    """Of a run that was killed, of one that ended, and of the snapshot, which is put back."""
    rng, name = random.Random(SEED), "rotten"
    for told, pattern in bench.some(_UNFINISHED.items()):
        for how, damage in bench.some(_DAMAGES.items()):
            bench.checking(name).kill()
            _damage(bench.job.output(name), pattern, damage, rng)
            yield _next_run(bench, f"{told} of a killed run has {how}", name)
    for told, pattern in bench.some(_FINISHED.items()):
        for how, damage in bench.some(_DAMAGES.items()):
            if told == "journal":  # the others leave the run whole, so that the next damage finds it so
                bench.job.clear(name)
                bench.runs.start(bench.job.config(name)).wait()
            _damage(bench.job.output(name), pattern, damage, rng)
            yield _next_run(bench, f"{told} of a whole run has {how}", name)
    for how, damage in bench.some(_DAMAGES.items()):
        path = _damaged_snapshot(bench, rng)
        whole = path.read_bytes()
        bench.checking(name).kill()
        path.write_bytes(damage(whole, rng))
        ended = bench.runs.start(bench.job.config(name)).wait()
        told = () if ended.get("error") == "SnapshotCorrupt" else (f"expected SnapshotCorrupt, got {ended}",)
        path.write_bytes(whole)
        found = bench.resume(f"a file of the snapshot has {how}", name, ended)
        yield Try(found.fault, (*told, *found.violations), found.seconds)


def _next_run(bench: Bench, fault: str, name: str) -> Try:
    """The next run ends well, or says why not; what it leaves is then begun anew, as its sentence says."""
    ended = bench.runs.start(bench.job.config(name)).wait()
    if ended.get("done"):
        return bench.resume(fault, name, ended)
    found = bench.plainly(ended)
    bench.job.clear(name)
    again = bench.resume(fault, name, {})
    return Try(fault, (*found, *again.violations), again.seconds)


def _damage(output: Path, pattern: str, damage: Damage, rng: random.Random) -> None:
    path = rng.choice(sorted(output.glob(pattern)))
    content = path.read_bytes()
    path.unlink()  # staged and released images are links to one file, and rot in one place only
    path.write_bytes(damage(content, rng))


def _damaged_snapshot(bench: Bench, rng: random.Random) -> Path:
    return rng.choice(sorted(bench.job.snapshot.glob("*.npy")))
