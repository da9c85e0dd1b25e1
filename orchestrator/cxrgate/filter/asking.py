"""Images from a caller's thread through the pipeline and back, each answer with what was asked."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator

from cxrgate.core import Failure, ImageRecord
from cxrgate.filter.background import BackgroundLoop
from cxrgate.filter.given import Given
from cxrgate.gate.pipeline import Checked, Gate

_END = object()


def ask(loop: BackgroundLoop, gate: Gate, given: Iterator[Given], batch_size: int) -> Iterator[tuple[Given, Checked]]:
    """Each image with what the gate says of it, in order, a few batches ahead of whoever takes them.

    Args:
        loop: where the gate was opened.
        gate: what is asked.
        given: the images; they are read from threads, one at a time.
        batch_size: images that go through the models together.

    Raises:
        CertificateError: the certificate is over.
        SnapshotCorrupt: after the last answer: somebody changed the references meanwhile; believe none of them.
        Exception: what the source of the images raises.
    """
    waiting = deque[Given]()
    answers = gate.check(_records(given, waiting), batch_size)
    try:
        while (checked := loop.run(_following(answers))) is not None:
            yield waiting.popleft(), checked
        gate.check_index()
    finally:
        if not loop.is_closed:
            loop.run(answers.aclose())


async def _records(given: Iterator[Given], waiting: deque[Given]) -> AsyncIterator[ImageRecord | Failure]:
    """What is asked about; the same is put where the answers wait for it."""
    while isinstance(item := await asyncio.to_thread(next, given, _END), Given):
        waiting.append(item)
        yield item.record


async def _following(answers: AsyncIterator[Checked]) -> Checked | None:
    return await anext(answers, None)
