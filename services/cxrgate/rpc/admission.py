"""How much a service takes on at once, in all and of one caller: unary calls are refused above it, streams wait.

A caller gets a place while they hold fewer than are free: alone half of all, beside another a third. Whoever comes new
finds places, however many calls the others send (dynamic thresholds, Choudhury and Hahne, 1998).
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from cxrgate.core import CallRefused
from cxrgate.rpc.limits import CALLS_PER_IDENTITY

RETRY_SECONDS = 0.2


class Admission:
    """Counts what is in flight, up to a limit."""

    def __init__(self, limit: int) -> None:
        """`limit` items at once, of one identity alone half of them."""
        self._limit = limit
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @property
    def taken(self) -> int:
        """Items in flight."""
        return self._held.total()

    def require_room(self, identity: str) -> None:
        """Raise CallRefused (RESOURCE_EXHAUSTED) where there is no place for this identity."""
        if not self._has_room(identity):
            raise CallRefused(
                "RESOURCE_EXHAUSTED", "OVERLOAD", "too many calls at once: try again later", RETRY_SECONDS
            )

    @contextmanager
    def now(self, identity: str) -> Iterator[None]:
        """Hold one place; raises as `require_room`."""
        self.require_room(identity)
        self._held[identity] += 1
        try:
            yield
        finally:
            self._give_back(identity)

    @asynccontextmanager
    async def when_free(self, identity: str) -> AsyncIterator[None]:
        """Hold one place as soon as there is one for this identity; those who wait take turns."""
        if self._waiting.get(identity) or not self._has_room(identity):
            await self._turn(identity)
        else:
            self._held[identity] += 1
        try:
            yield
        finally:
            self._give_back(identity)

    def _has_room(self, identity: str) -> bool:
        return self._held[identity] < self._limit - self.taken

    async def _turn(self, identity: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(identity, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back(identity)
            raise

    def _give_back(self, identity: str) -> None:
        self._held -= Counter((identity,))
        while (following := next(filter(self._has_room, self._waiting), None)) is not None:
            turns = self._waiting.pop(following)
            turn = turns.popleft()
            if turns:
                self._waiting[following] = turns  # behind all others
            if not turn.done():
                self._held[following] += 1
                turn.set_result(None)


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
