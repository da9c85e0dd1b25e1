"""Images of concurrent callers in common batches: the models cost per batch, the callers come one by one.

Callers take turns: whoever sends more waits for their own. And who has few images here waits for nobody's batch, in
which the last image is as late as all others together: there are more for them beside those.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from opentelemetry.trace import SpanContext

from cxrgate.core import ImageRecord, MediaType
from cxrgate.core.threads import yield_to_others
from cxrgate.gate.pipeline import Checked, Gate
from cxrgate.rpc.deadline import current_deadline, set_deadline
from cxrgate.rpc.tracing import batch_span, current_span

IN_FLIGHT = 3
"""Batches at once: one in each of decode, models and search. What comes meanwhile makes the next batch."""

EXPRESS = 4
"""Batches at once beside these, of callers who have few images here; measured with four such callers."""

FEW = 4
"""Images of one caller, waiting and under way."""


@dataclass(frozen=True, slots=True, eq=False)
class _Item:
    gate: Gate
    identity: str
    record: ImageRecord = field(repr=False)
    answer: asyncio.Future[Checked]
    deadline: float | None
    span: SpanContext


class Batches:
    """Runs `Gate.check_batch` on what waits. Nobody waits for a batch to fill."""

    def __init__(self, size: int, in_flight: int = IN_FLIGHT) -> None:
        """At most `size` images in a batch."""
        self._size, self._in_flight = size, in_flight
        self._waiting: dict[str, deque[_Item]] = {}
        self._here: Counter[str] = Counter()
        self._running: set[asyncio.Task[None]] = set()
        self._express: set[asyncio.Task[None]] = set()
        # Callers' names may collide; within the pipeline an image has a number.
        self._numbers = count()

    async def check(self, gate: Gate, identity: str, content: bytes, declared: MediaType | None) -> Checked:
        """The outcome of one image of this caller under the given gate; one who goes away takes it out of the queue."""
        loop = asyncio.get_running_loop()
        record = ImageRecord(str(next(self._numbers)), content, declared=declared)
        item = _Item(gate, identity, record, loop.create_future(), current_deadline(), current_span())
        self._waiting.setdefault(identity, deque()).append(item)
        self._here[identity] += 1
        loop.call_soon(self._start)
        try:
            return await item.answer
        finally:
            self._here -= Counter((identity,))

    def _start(self) -> None:
        while len(self._express) < EXPRESS and self._is_crowded() and (batch := self._take(self._has_few)):
            self._run_in(self._express, self._run(batch))
        while len(self._running) < self._in_flight and (batch := self._take(self._who_shares())):
            self._run_in(self._running, self._yielding(batch))

    def _is_crowded(self) -> bool:
        return len(self._running) >= self._in_flight or not all(map(self._has_few, self._waiting))

    def _who_shares(self) -> Callable[[str], bool]:
        """Whose images go into a full batch: beside a crowd, who has few waits for the next batch of such."""
        crowded = self._is_crowded()
        return lambda identity: not (crowded and self._has_few(identity))

    def _has_few(self, identity: str) -> bool:
        return self._here[identity] <= FEW

    def _run_in(self, running: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
        def finished(task: asyncio.Task[None]) -> None:
            running.discard(task)
            self._start()

        task = asyncio.create_task(work)
        running.add(task)
        task.add_done_callback(finished)

    def _take(self, may: Callable[[str], bool]) -> list[_Item]:
        """Up to `size` items of one gate, one of each caller in turn: a batch never mixes policies."""
        batch: list[_Item] = []
        turns = deque(identity for identity in self._waiting if may(identity))
        while turns and len(batch) < self._size:
            identity = turns.popleft()
            item = self._next(identity, batch[0].gate if batch else None)
            if item is not None:
                batch.append(item)
                turns.extend({identity} & self._waiting.keys())
        return batch

    def _next(self, identity: str, gate: Gate | None) -> _Item | None:
        """The caller's oldest item, who has it behind all others then; None where it is another gate's."""
        waiting = self._waiting.pop(identity)
        while waiting and waiting[0].answer.done():
            waiting.popleft()
        item = waiting.popleft() if waiting and (gate is None or waiting[0].gate is gate) else None
        if waiting:
            self._waiting[identity] = waiting
        return item

    async def _yielding(self, batch: list[_Item]) -> None:
        """One that may be full: where a core is short, the images of who has few go first."""
        yield_to_others()
        await self._run(batch)

    async def _run(self, batch: list[_Item]) -> None:
        ends = [item.deadline for item in batch]
        set_deadline(max((end for end in ends if end is not None), default=None) if None not in ends else None)
        try:
            with batch_span([item.span for item in batch]):
                checked = await batch[0].gate.check_batch([item.record for item in batch])
        except BaseException as error:
            for item in batch:
                if not item.answer.done():
                    item.answer.set_exception(error if isinstance(error, Exception) else asyncio.CancelledError())
            if not isinstance(error, Exception):
                raise
            return
        for item, answer in zip(batch, checked, strict=True):
            if not item.answer.done():
                item.answer.set_result(answer)
