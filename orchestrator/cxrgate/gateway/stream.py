"""Answers in the order of the requests, each as soon as those before it are there.

`ordered.ordered_map` serves a finished set: it answers when its window is full. A caller that generates one image at
a time would wait for ever there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from functools import partial
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def answers(
    function: Callable[[T], Awaitable[R]],
    items: AsyncIterable[T],
    window: int,
    size: Callable[[T], int],
    budget: int,
) -> AsyncGenerator[R, None]:
    """Yield function(item) in order, reading ahead.

    Args:
        function: what to await for each item.
        items: where they come from; an error there is raised after the answers that came before it.
        window: how many items may be unanswered.
        size: the bytes that an item holds.
        budget: how many bytes may be unanswered; one item may be larger.
    """
    reader = _Reader(function, items, window, size, budget)
    task = asyncio.create_task(reader.read())
    try:
        while (future := await reader.queue.get()) is not None:
            yield await future
            await reader.answered(future)
        await task
    finally:
        task.cancel()
        pending = list(reader.sizes)
        for item in pending:
            item.cancel()
        await asyncio.gather(task, *pending, return_exceptions=True)


class _Reader(Generic[T, R]):
    """Starts items while there is room."""

    def __init__(
        self,
        function: Callable[[T], Awaitable[R]],
        items: AsyncIterable[T],
        window: int,
        size: Callable[[T], int],
        budget: int,
    ) -> None:
        self._function, self._items, self._size = function, items, size
        self._window, self._budget = window, budget
        self._room = asyncio.Condition()
        self.queue: asyncio.Queue[asyncio.Future[R] | None] = asyncio.Queue()
        self.sizes: dict[asyncio.Future[R], int] = {}

    async def read(self) -> None:
        """Start every item in turn; None in the queue is the end."""
        try:
            async for item in self._items:
                size = self._size(item)
                async with self._room:
                    await self._room.wait_for(partial(self._fits, size))
                future = asyncio.ensure_future(self._function(item))
                self.sizes[future] = size
                self.queue.put_nowait(future)
        finally:
            self.queue.put_nowait(None)

    async def answered(self, future: asyncio.Future[R]) -> None:
        """Make room."""
        async with self._room:
            del self.sizes[future]
            self._room.notify()

    def _fits(self, size: int) -> bool:
        return not self.sizes or (len(self.sizes) < self._window and sum(self.sizes.values()) + size <= self._budget)
