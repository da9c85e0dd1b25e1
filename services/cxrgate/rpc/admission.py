"""How much a service takes on at once, in all and of one caller: unary calls are refused above it, streams wait."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from cxrgate.core import CallRefused
from cxrgate.rpc.limits import CALLS_PER_IDENTITY

RETRY_SECONDS = 0.2


class Admission:
    """Counts what is in flight, up to a limit."""

    def __init__(self, limit: int) -> None:
        """`limit` items at once."""
        self._limit = limit
        self._taken = 0
        self._changed = asyncio.Condition()

    @contextmanager
    def now(self) -> Iterator[None]:
        """Hold one place, or raise CallRefused: RESOURCE_EXHAUSTED."""
        if self._taken >= self._limit:
            raise CallRefused(
                "RESOURCE_EXHAUSTED", "OVERLOAD", "too many calls at once: try again later", RETRY_SECONDS
            )
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    @asynccontextmanager
    async def when_free(self) -> AsyncIterator[None]:
        """Hold one place as soon as there is one."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._taken < self._limit)
            self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
            async with self._changed:
                self._changed.notify()


class OpenCalls:
    """Counts calls per identity, over all doors of a process: one caller cannot take it from the others."""

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()

    @contextmanager
    def one(self, identity: str) -> Iterator[None]:
        """Hold one call, or raise CallRefused: RESOURCE_EXHAUSTED."""
        if self._count[identity] >= CALLS_PER_IDENTITY:
            raise CallRefused(
                "RESOURCE_EXHAUSTED",
                "CALLS",
                "this identity has too many open calls: wait for some of them",
                RETRY_SECONDS,
            )
        self._count[identity] += 1
        try:
            yield
        finally:
            self._count[identity] -= 1
