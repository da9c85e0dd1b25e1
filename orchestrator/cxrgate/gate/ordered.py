"""Bounded, ordered concurrency: what makes the stages overlap."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def ordered_map(
    function: Callable[[T], Awaitable[R]], items: AsyncIterable[T], window: int
) -> AsyncGenerator[R, None]:
    """Yield function(item) in input order with at most `window` in flight; the next item is pulled only then."""
    pending: deque[asyncio.Future[R]] = deque()
    try:
        async for item in items:
            pending.append(asyncio.ensure_future(function(item)))
            if len(pending) >= window:
                yield await pending.popleft()
        while pending:
            yield await pending.popleft()
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


async def batched(items: AsyncIterable[T], size: int) -> AsyncIterator[list[T]]:
    """Group items into lists of `size`, the last may be shorter."""
    batch: list[T] = []
    async for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
