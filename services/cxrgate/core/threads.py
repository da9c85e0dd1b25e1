"""Threads that are there before the work begins.

A thread that is started while memory runs out may end before it has told that it runs, and Python waits for that word
without end. So what checks images starts its threads first: afterwards memory that runs out is an error like others.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")
Pool = TypeVar("Pool", bound=ThreadPoolExecutor)

NICENESS = 10
"""Of what may wait where processors are short: full batches, beside a caller's single image. A processor that has
nothing else to do is theirs none the less."""

_YIELDS: ContextVar[bool] = ContextVar("yields", default=False)


def yield_to_others() -> None:
    """From now on this task's work by asyncio.to_thread lets that of others go first; see threads_of_a_loop."""
    _YIELDS.set(True)


def started_pool(count: int, name: str, niceness: int = 0) -> ThreadPoolExecutor:
    """A pool whose `count` threads run already, so much nicer than this process.

    Raises:
        RuntimeError: the system gives no more of them.
    """
    return _started(ThreadPoolExecutor(count, name, _be_nicer, (niceness,)), count)


def _be_nicer(by: int) -> None:
    """Lower this thread's priority: Linux has one for each thread."""
    thread = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, thread, min(19, os.getpriority(os.PRIO_PROCESS, thread) + by))


def _started(pool: Pool, count: int) -> Pool:
    together = threading.Barrier(count)
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
    """A started pool for asyncio.to_thread, as large as the one that asyncio would make.

    What comes after `yield_to_others` has threads of its own, one for each core, which let the others go first.
    """
    count = min(32, (os.cpu_count() or 1) + 4)
    yielding = started_pool(len(os.sched_getaffinity(0)), "yielding", NICENESS)
    return _started(_LoopThreads(count, yielding), count)


def run_with_threads(work: Coroutine[Any, Any, T]) -> T:
    """As asyncio.run, with all threads that asyncio.to_thread may use started before."""
    try:
        threads = threads_of_a_loop()
    except BaseException:
        work.close()
        raise
    with asyncio.Runner(loop_factory=lambda: _Loop(threads)) as runner:
        return runner.run(work)


class _LoopThreads(ThreadPoolExecutor):
    def __init__(self, count: int, yielding: ThreadPoolExecutor) -> None:
        super().__init__(count, "asyncio")
        self._yielding = yielding

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        if _YIELDS.get():
            return self._yielding.submit(fn, *args, **kwargs)
        return super().submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as its base has it
        self._yielding.shutdown(wait, cancel_futures=cancel_futures)
        super().shutdown(wait, cancel_futures=cancel_futures)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, threads: ThreadPoolExecutor) -> None:
        super().__init__()
        self._threads = threads
        self.set_default_executor(threads)

    async def shutdown_default_executor(self) -> None:
        """At the end; asyncio's own starts a thread for that."""
        self._threads.shutdown()
