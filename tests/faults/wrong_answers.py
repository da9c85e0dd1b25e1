"""Stages that answer for half of a batch, in another order, twice, late, or without numbers."""

from __future__ import annotations

from collections.abc import Iterator

from faults.interventions import ANSWERS
from faults.tries import Bench, Try

_STAGES = {"embed": "model server", "search": "index", "verify": "model server that verifies"}
_UNSCORED = "without numbers"
"""Of the index alone: the types of other stages take no such numbers. Its images are INDETERMINATE for good."""


def of_stages(bench: Bench) -> Iterator[Try]:
    """In each stage some batches are answered wrongly, each in another way; the next run asks for them again."""
    name = "answers"
    for stage, who in bench.some(_STAGES.items()):
        ways = [way for way in ANSWERS if way != _UNSCORED]
        bench.job.clear(name)
        running = bench.runs.start(bench.job.config(name), [("answers", {"stage": stage, "ways": ways})])
        yield bench.resume(f"{who} answers: {', '.join(ways)}", name, running.wait())
    bench.job.clear(name)
    running = bench.runs.start(bench.job.config(name), [("answers", {"stage": "search", "ways": [_UNSCORED]})])
    yield bench.resume(f"index answers {_UNSCORED}", name, running.wait(), lost=True)
