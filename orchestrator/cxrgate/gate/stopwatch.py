"""How long each stage was at work while batches went through side by side."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from cxrgate.core import Stage
from cxrgate.rpc.tracing import stage_span

R = TypeVar("R")

_SHARED = {Stage.EMBED.value: "models", Stage.VERIFY.value: "models"}
"""Stages that wait for one another: the models run on the same cores or the same device."""


class Stopwatch:
    """Busy seconds and images per stage.

    A stage is busy while at least one batch is in it, which counts once however many are; so no stage is busy for
    longer than the whole takes, but stages overlap and may add up to more. Embedding and verification share the
    models: a moment in which batches are in both counts for the one that ends first, so that these two add up to
    the time in which the models had work.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._seconds: dict[str, float] = {}
        self._images: dict[str, int] = {}
        self._ended: dict[str, float] = {}

    async def time(self, stage: str, images: int, work: Awaitable[R]) -> R:
        """Await what a stage does for a batch of so many images, count it, and make a span of it."""
        begun = self._clock()
        try:
            with stage_span(stage, images):
                return await work
        finally:
            ended, queue = self._clock(), _SHARED.get(stage, stage)
            busy = ended - max(begun, self._ended.get(queue, begun))
            self._ended[queue] = ended
            self._seconds[stage] = self._seconds.get(stage, 0.0) + busy
            self._images[stage] = self._images.get(stage, 0) + images

    def stages(self) -> dict[str, dict[str, float]]:
        """Per stage, in the order of the first batch: busy seconds, images, and images per busy second."""
        return {
            stage: {
                "seconds": seconds,
                "images": self._images[stage],
                "images_per_second": self._images[stage] / max(seconds, 1e-9),
            }
            for stage, seconds in self._seconds.items()
        }
