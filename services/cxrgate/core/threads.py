"""Threads that are there before the work begins.

A thread that is started while memory runs out may end before it has told that it runs, and Python waits for that word
without end. So what checks images starts its threads first: afterwards memory that runs out is an error like others.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def started_pool(count: int, name: str) -> ThreadPoolExecutor:
    """A pool whose `count` threads run already; RuntimeError where the system gives no more of them."""
    pool, together = ThreadPoolExecutor(count, name), threading.Barrier(count)
    try:
        # All at once, so that none is idle before each has one.
        for begun in [pool.submit(together.wait) for _ in range(count)]:
            begun.result()
    except BaseException:
        together.abort()
        pool.shutdown(wait=False)
        raise
    return pool


def threads_of_a_loop() -> ThreadPoolExecutor:
    """A started pool for asyncio.to_thread, as large as the one that asyncio would make."""
    return started_pool(min(32, (os.cpu_count() or 1) + 4), "asyncio")


def run_with_threads(work: Coroutine[Any, Any, T]) -> T:
    """As asyncio.run, with all threads that asyncio.to_thread may use started before."""
    try:
        threads = threads_of_a_loop()
    except BaseException:
        work.close()
        raise
    with asyncio.Runner(loop_factory=lambda: _Loop(threads)) as runner:
        return runner.run(work)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, threads: ThreadPoolExecutor) -> None:
        super().__init__()
        self._threads = threads
        self.set_default_executor(threads)

    async def shutdown_default_executor(self) -> None:
        """At the end; asyncio's own starts a thread for that."""
        self._threads.shutdown()
