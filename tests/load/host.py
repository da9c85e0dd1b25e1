"""The gate under load and the generator, each a process of its own on cores of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import psutil
from load.corpus import SIDE, Corpus, write_corpus
from load.figures import Record
from load.identities import HEAVY, write_identities
from support.service_process import GATE, Process

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Cores:
    """The generator has one core where there are several, so that what it takes is not the gate's."""

    gate: tuple[int, ...]
    generator: tuple[int, ...]

    @classmethod
    def of_this_machine(cls) -> Cores:
        """All that this process may use."""
        every = tuple(sorted(os.sched_getaffinity(0)))
        return cls(every[:-1] or every, every[-1:])


@dataclass(frozen=True, slots=True)
class Loaded:
    """A gate that is served, and offers of load to it."""

    corpus: Corpus
    process: Process
    cores: Cores
    expected: list[Any]

    @property
    def gate(self) -> psutil.Process:
        """The gate's process."""
        return psutil.Process(self.process.running.pid)

    def memory(self) -> float:
        """MiB that the gate and its decode workers hold."""
        every = [self.gate, *self.gate.children(recursive=True)]
        return sum(item.memory_info().rss for item in every) / 2**20

    def offer(self, *flows: dict[str, Any], **more: Any) -> dict[str, list[Record]]:
        """What came of each flow's calls, by its name."""
        plan = {
            "address": self.process.address,
            "certificates": str(self.corpus.folder / "certificates"),
            "images": str(self.corpus.images),
            "cores": list(self.cores.generator),
            "expected": self.expected,
            "flows": flows,
            **more,
        }
        done = subprocess.run(
            [sys.executable, "-m", "load.generator"],
            input=json.dumps(plan),
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            text=True,
            check=True,
        )
        found: dict[str, list[Record]] = json.loads(done.stdout)["flows"]
        return found


@contextmanager
def loaded_gate(folder: Path, side: int = SIDE) -> Iterator[Loaded]:
    """Draw the images, so many pixels wide, enrol, start the gate, and ask for each image alone."""
    cores = Cores.of_this_machine()
    corpus = write_corpus(folder, len(cores.gate), side)
    write_identities(folder)
    process = Process("gate", GATE, folder, [])
    program = [sys.executable, "-m", "load.gate", folder, process.address, ",".join(map(str, cores.gate))]
    process.command = [str(part) for part in program]
    everywhere = os.sched_getaffinity(0)
    with mock.patch.dict(os.environ, PYTHONPATH=str(ROOT)), process.started():
        os.sched_setaffinity(0, cores.generator)  # what this process does meanwhile is not the gate's either
        try:
            yield Loaded(corpus, process, cores, _alone(Loaded(corpus, process, cores, [])))
        finally:
            os.sched_setaffinity(0, everywhere)


def _alone(gate: Loaded) -> list[Any]:
    """What each image gets when nothing else is checked."""
    count = len(list(gate.corpus.images.iterdir()))
    flow = {"name": "alone", "identity": HEAVY, "arrivals": "closed", "outstanding": 1, "count": count}
    records = gate.offer(flow)["alone"]
    kinds = {str(record["said"][0]) for record in records}
    if kinds != {"1", "2", "INVALID_ARGUMENT"}:
        raise AssertionError(f"expected images to be released, rejected and refused, got {kinds}")
    return [record["said"] for record in records]
