"""Answers in the order of the requests, each as soon as those before it are there.

`ordered.ordered_map` serves a finished set: it answers when its window is full. A caller that generates one image at
a time would wait for ever there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Limit:
    """How many items, and bytes of them, may be unanswered before no further one is read."""

    items: int
    size: int


class Unanswered:
    """What has been read and not answered, of one stream, or of all streams of one caller."""

    def __init__(self, limit: Limit) -> None:
        """Nothing yet."""
        self._limit, self._items, self._size = limit, 0, 0
        self._answered = asyncio.Event()

    @property
    def is_empty(self) -> bool:
        """Whether everything has been answered."""
        return not self._items

    @property
    def has_room(self) -> bool:
        """Whether another item may be read."""
        return self._items < self._limit.items and self._size < self._limit.size

    def read(self, size: int) -> None:
        """Count an item in."""
        self._items += 1
        self._size += size

    def answered(self, size: int) -> None:
        """Count it out."""
        self._items -= 1
        self._size -= size
        self._answered.set()

    async def change(self) -> None:
        """Wait until something was answered."""
        self._answered.clear()
        await self._answered.wait()


async def answers(
    function: Callable[[T], Awaitable[R]],
    items: AsyncIterable[T],
    size: Callable[[T], int],
    limit: Limit,
    caller: Unanswered,
) -> AsyncGenerator[R, None]:
    """Yield function(item) in order, reading ahead.

    Args:
        function: what to await for each item.
        items: where they come from; an error there is raised after the answers that came before it.
        size: the bytes that an item holds.
        limit: of this stream.
        caller: all streams of the caller. Where they have no room together, a stream reads one item at a time.
    """
    reader = _Reader(function, items, size, Unanswered(limit), caller)
    task = asyncio.create_task(reader.read())
    try:
        while (future := await reader.queue.get()) is not None:
            yield await future
            reader.answered(future)
        await task
    finally:
        task.cancel()
        pending = list(reader.sizes)
        for item in pending:
            item.cancel()
        try:
            await asyncio.gather(task, *pending, return_exceptions=True)
        finally:
            for item in list(reader.sizes):
                reader.answered(item)


class _Reader(Generic[T, R]):
    """Reads and starts items while there is room."""

    def __init__(
        self,
        function: Callable[[T], Awaitable[R]],
        items: AsyncIterable[T],
        size: Callable[[T], int],
        own: Unanswered,
        caller: Unanswered,
    ) -> None:
        self._function, self._items, self._size = function, items, size
        self._own, self._caller = own, caller
        self.queue: asyncio.Queue[asyncio.Future[R] | None] = asyncio.Queue()
        self.sizes: dict[asyncio.Future[R], int] = {}

    async def read(self) -> None:
        """Start every item in turn; None in the queue is the end."""
        try:
            async for item in self._items:
                size = self._size(item)
                future = asyncio.ensure_future(self._function(item))
                self.sizes[future] = size
                self._own.read(size)
                self._caller.read(size)
                self.queue.put_nowait(future)
                await self._wait_for_room()
        finally:
            self.queue.put_nowait(None)

    def answered(self, future: asyncio.Future[R]) -> None:
        """Make room."""
        size = self.sizes.pop(future)
        self._own.answered(size)
        self._caller.answered(size)

    async def _wait_for_room(self) -> None:
        while not (self._own.is_empty or (self._own.has_room and self._caller.has_room)):
            await self._caller.change()
