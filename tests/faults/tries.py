"""One try: a fault falls into a run, what is left is checked, and the run is resumed and checked again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from faults.job import JOURNAL, Job
from faults.runs import Fault, Running, Runs

from cxrgate.verify_run.verify import Known, Verified, verify_run


@dataclass(frozen=True, slots=True)
class Try:
    """What one try came to: no violations, or what was violated; and the seconds until the resumed run was done."""

    fault: str
    violations: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class NotTried:
    """A fault that this machine cannot have, and why."""

    fault: str
    why: str


T = TypeVar("T")
Settings = Mapping[str, object] | None
RESUMES = 3
"""Runs that may go on until no image is left that could not be judged: on a busy machine a peer may be late."""
BEGUN = 20_000
"""Bytes of the journal of a run that has checked some batches."""


class Form(StrEnum):
    """How much is tried: each kind once over few images, everything once, or many kills and longer outages."""

    SHORT = "short"
    WHOLE = "whole"
    LONG = "long"


@dataclass(frozen=True, slots=True)
class Bench:
    """What all tries share: the job, its starter, and the set that a run without faults released."""

    job: Job
    runs: Runs
    expected: dict[str, bytes] = field(repr=False)
    form: Form = Form.WHOLE

    def pick(self, short: T, whole: T, long: T) -> T:
        """Which of these belongs to the form that was asked for."""
        return {Form.SHORT: short, Form.WHOLE: whole, Form.LONG: long}[self.form]

    def some(self, faults: Iterable[T]) -> list[T]:
        """In the short form the last of these, which stands for its kind; else all."""
        every = list(faults)
        return every[-1:] if self.form is Form.SHORT else every

    def checking(self, name: str, faults: Sequence[Fault] = (), *, settings: Settings = None, **more: Any) -> Running:
        """A run into a fresh output that has begun to check; arguments as of `resume`."""
        self.job.clear(name)
        running = self.runs.start(self.job.config(name, **(settings or {})), faults, **more)
        until(running, lambda: size(self.job.output(name) / JOURNAL) > BEGUN)
        return running

    def fall(self, fault: str, name: str, faults: Sequence[Fault], **more: Any) -> Try:
        """Let faults fall into a run, then resume it without them."""
        running = self.runs.start(self.job.config(name), faults, **more)
        return self.resume(fault, name, running.wait())

    def resume(
        self,
        fault: str,
        name: str,
        ended: dict[str, Any],
        *,
        lost: bool = False,
        settings: Settings = None,
        **more: Any,
    ) -> Try:
        """Judge what a run left that ended in such a way, resume it, and judge that.

        Args:
            fault: its name.
            name: of the output.
            ended: see Running.wait.
            lost: whether images may have got the answer INDETERMINATE for good.
            settings: more keys of the configuration.
            more: for the start of the resumed run.
        """
        output, violations = self.job.output(name), list(self.plainly(ended))
        if output.exists():
            violations += [f"left: {text}" for text in self.violations(output)]
        started = time.monotonic()
        for _ in range(RESUMES):
            again = self.runs.start(self.job.config(name, **(settings or {})), **more).wait()
            if lost or not again.get("faults"):
                break
        seconds = time.monotonic() - started
        if not again.get("done"):
            violations.append(f"does not resume: {again}")
        violations += self.violations(output)
        violations += self.differences(output, lost=lost)
        return Try(fault, tuple(violations), seconds)

    def plainly(self, ended: dict[str, Any]) -> list[str]:
        """What is wrong with what a run said at its end: the command line shows one sentence, and no traceback."""
        if ended and not ended["done"] and not ended.get("plain"):
            return [f"does not say plainly why it ended: {ended['error']}: {ended['message']}"]
        return []

    def verified(self, output: Path) -> Verified | None:
        """What the checker finds in an output, whatever state it is in; None where nothing is there."""
        if not (output / JOURNAL).exists() and not (output / "released").exists():
            return None
        return verify_run(output, Known(self.job.listed))

    def violations(self, output: Path) -> list[str]:
        """What the checker says of an output."""
        found = self.verified(output)
        return [] if found is None else [f"{item.kind} {item.where}: {item.told}" for item in found.violations[:5]]

    def differences(self, output: Path, *, lost: bool = False) -> list[str]:
        """How the released set differs from that of a run without faults."""
        there = released(output)
        changed = sorted(name for name in there if there[name] != self.expected.get(name))
        missing = sorted(self.expected.keys() - there.keys())
        if lost and missing:
            missing = [name for name in missing if _answer(output, name).decision != "INDETERMINATE"]
        told = [f"released {name}, unlike the run without faults" for name in changed[:3]]
        return told + [f"did not release {name}{_why(output, name)}" for name in missing[:3]]


def released(output: Path) -> dict[str, bytes]:
    """The released set without its manifest, which holds counts; the checker looks at that."""
    folder = output / "released"
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.png")}
    return {name: path.read_bytes() for name, path in files.items()}


def _answer(output: Path, name: str) -> Any:
    """The row of the results for an image."""
    return pd.read_parquet(output / "results/results.parquet").set_index("image_id").loc[name]


def _why(output: Path, name: str) -> str:
    """What the results say of an image that is missing, where they know it."""
    try:
        row = _answer(output, name)
    except (KeyError, OSError):
        return ""
    return f" ({row.decision} {row.stage} {row.code} {row.reasons})"


def until(running: Running, is_so: Callable[[], bool]) -> bool:
    """Wait until something is so; False where the run ended first."""
    while running.is_alive():
        if is_so():
            return True
        time.sleep(0.002)
    return False


def size(path: Path) -> int:
    """Of a file; 0 where there is none."""
    return path.stat().st_size if path.exists() else 0
