"""How many images one identity may have checked. A cost for whoever probes the gate, and no barrier."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime

from cxrgate.core import CallRefused
from cxrgate.rpc.roles import Caller, Quota


class Quotas:
    """Counts images per identity: by day, which survives a restart through the log, and by second."""

    def __init__(
        self,
        quotas: dict[str, Quota],
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    ) -> None:
        """`quotas` by role; a role without one has no image checked."""
        self._quotas, self._clock, self._today = quotas, clock, today
        self._days: Counter[tuple[str, date]] = Counter()
        self._next: defaultdict[str, float] = defaultdict(float)

    def recall(self, identity: str, day: date) -> None:
        """Count an image that the log says was checked."""
        if day == self._today():
            self._days[identity, day] += 1

    def take(self, caller: Caller) -> None:
        """Count one image, or raise CallRefused: RESOURCE_EXHAUSTED, with a delay where a later try makes sense."""
        delay = self._reserve(caller, burst=self._quota(caller).images_per_second)
        if delay > 0:
            raise CallRefused(
                "RESOURCE_EXHAUSTED",
                "RATE",
                "more images per second than this identity's quota, try again later",
                delay,
            )

    async def wait(self, caller: Caller) -> None:
        """Count one image as soon as the rate allows; raises as `take` where the day's images are used up."""
        delay = self._reserve(caller, burst=1)
        while delay > 0:
            await asyncio.sleep(delay)
            delay = self._reserve(caller, burst=1)

    def _reserve(self, caller: Caller, burst: int) -> float:
        """Count the image and give 0, or give the seconds until it may come."""
        quota, day = self._quota(caller), self._today()
        if self._days[caller.identity, day] >= quota.images_per_day:
            raise CallRefused(
                "RESOURCE_EXHAUSTED", "QUOTA", "the images of this identity's quota are used up for today"
            )
        # One image each `step` seconds; up to `burst` of them may come ahead of their time.
        now, step = self._clock(), 1 / quota.images_per_second
        due = max(self._next[caller.identity], now)
        early = due - now - (burst - 1) * step
        if early > 0:
            return early
        self._next[caller.identity] = due + step
        self._days[caller.identity, day] += 1
        self._forget(day)
        return 0.0

    def _quota(self, caller: Caller) -> Quota:
        quota = self._quotas.get(caller.role)
        if quota is None:
            raise CallRefused("PERMISSION_DENIED", "ROLE", "the role of this identity has no quota for images")
        return quota

    def _forget(self, day: date) -> None:
        for key in [key for key in self._days if key[1] != day]:
            del self._days[key]
