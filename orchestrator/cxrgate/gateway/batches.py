"""Images of concurrent callers in common batches: the models cost per batch, the callers come one by one."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from itertools import count

from opentelemetry.trace import SpanContext

from cxrgate.core import ImageRecord, MediaType
from cxrgate.gate.pipeline import Checked, Gate
from cxrgate.rpc.deadline import current_deadline, set_deadline
from cxrgate.rpc.tracing import batch_span, current_span

IN_FLIGHT = 3
"""Batches at once: one in each of decode, models and search. What comes meanwhile makes the next batch."""


@dataclass(frozen=True, slots=True, eq=False)
class _Item:
    gate: Gate
    record: ImageRecord = field(repr=False)
    answer: asyncio.Future[Checked]
    deadline: float | None
    span: SpanContext


class Batches:
    """Runs `Gate.check_batch` on what waits. Nobody waits for a batch to fill."""

    def __init__(self, size: int, in_flight: int = IN_FLIGHT) -> None:
        """At most `size` images in a batch."""
        self._size, self._in_flight = size, in_flight
        self._waiting: deque[_Item] = deque()
        self._running: set[asyncio.Task[None]] = set()
        # Callers' names may collide; within the pipeline an image has a number.
        self._numbers = count()

    async def check(self, gate: Gate, content: bytes, declared: MediaType | None) -> Checked:
        """The outcome of one image under the given gate; a caller that goes away takes its image out of the queue."""
        loop = asyncio.get_running_loop()
        record = ImageRecord(str(next(self._numbers)), content, declared=declared)
        item = _Item(gate, record, loop.create_future(), current_deadline(), current_span())
        self._waiting.append(item)
        loop.call_soon(self._start)
        return await item.answer

    def _start(self) -> None:
        while self._waiting and len(self._running) < self._in_flight:
            batch = self._take()
            if batch:
                task = asyncio.create_task(self._run(batch))
                self._running.add(task)
                task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._start()

    def _take(self) -> list[_Item]:
        """Up to `size` items of one gate: a batch never mixes policies."""
        batch: list[_Item] = []
        while self._waiting and len(batch) < self._size:
            if batch and self._waiting[0].gate is not batch[0].gate:
                break
            item = self._waiting.popleft()
            if not item.answer.done():
                batch.append(item)
        return batch

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
