"""One target tried with many contents: what was found is kept, small, in tests/fuzz/corpus."""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

from fuzz.targets import TARGETS, Target, typed
from hypothesis import HealthCheck, Phase, given, seed, settings

from cxrgate.core.digest import bytes_digest

CORPUS = Path(__file__).with_name("corpus")
SECONDS = 5.0
"""Of processor time for one content."""
GROWTH = 512 * 2**20
"""Of the process' memory, by one content: the largest allowed image takes below 0.5 GiB."""


class Found(AssertionError):
    """A content that is neither read nor refused, or costs too much."""

    def __init__(self, name: str, content: bytes, told: str) -> None:
        super().__init__(f"{name}: {told}")
        self.name, self.content, self.told = name, content, told


def try_one(name: str, target: Target, content: bytes) -> None:
    """Raise Found where the target's promise does not hold for this content."""
    begun, before = time.process_time(), _peak()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        try:
            typed(target, content, Path(folder))
        except Exception as error:
            raise Found(name, content, f"{type(error).__name__}: {error}") from error
    if time.process_time() - begun > SECONDS:
        raise Found(name, content, f"took {time.process_time() - begun:.0f} s of processor")
    if _peak() - before > GROWTH:
        raise Found(name, content, f"took {(_peak() - before) >> 20} MiB")


def try_many(name: str, count: int, number: int = 0) -> None:
    """Try `count` contents of a target, the same for the same `number`; Found with the smallest that was."""
    target = TARGETS[name]()
    calm = list(HealthCheck)

    @seed(number)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=calm,
        phases=[Phase.generate, Phase.shrink],
    )
    @given(target.strategy)
    def holds(content: bytes) -> None:
        try_one(name, target, content)

    holds()


def corpus(name: str) -> list[Path]:
    """The files that were found for a target, or that are kept because they once were."""
    return sorted((CORPUS / name).glob("*"))


def keep(found: Found) -> Path:
    """Write what was found into the corpus."""
    path = CORPUS / found.name / bytes_digest(found.content)[:12]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(found.content)
    return path


def _peak() -> int:
    """The largest memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
