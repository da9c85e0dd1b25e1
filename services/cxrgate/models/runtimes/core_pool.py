"""The threads that networks compute on: one per core, whichever model and whoever's image it is.

What they are given is one image in one network. So a single image keeps several cores at work with its several
networks, a second one takes whatever core is free, and no more is computed at a time than there are cores.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cache
from threading import Lock

from cxrgate.core.threads import started_pool
from cxrgate.models.runtimes.cores import usable_cores

_PATIENCE = 8
"""How many tasks a group of tasks waits longer for each that it has: a batch of sixteen images must not hold up the
single image beside it, nor be held up by such for ever."""


class CorePool:
    """Runs tasks on as many threads as it has cores."""

    def __init__(self, cores: int) -> None:
        """Have `cores` threads, which run already."""
        self.cores = cores
        self._threads = started_pool(cores, "core")
        self._lock, self._numbers = Lock(), itertools.count()
        self._waiting: list[tuple[int, int, Callable[[], None], Future[None]]] = []
        self._begun = 0

    def start(self, tasks: Sequence[Callable[[], None]]) -> Callable[[], None]:
        """Have tasks run, and give what waits until all of them are done, and raises what the first failed one raised.

        Groups of equal length are served as they come; a shorter one goes before a longer one, see `_PATIENCE`.
        """
        futures: list[Future[None]] = [Future() for _ in tasks]
        with self._lock:
            due = self._begun + _PATIENCE * len(tasks)
            for task, future in zip(tasks, futures, strict=True):
                heapq.heappush(self._waiting, (due, next(self._numbers), task, future))
        for _ in tasks:
            self._threads.submit(self._run_next)

        def finish() -> None:
            for future in futures:
                future.exception()
            for future in futures:
                future.result()

        return finish

    def _run_next(self) -> None:
        with self._lock:
            _, _, task, future = heapq.heappop(self._waiting)
            self._begun += 1
        try:
            task()
        except BaseException as error:  # noqa: BLE001 - whoever waits for the task gets it
            future.set_exception(error)
        else:
            future.set_result(None)


@cache
def pool_of(cores: int) -> CorePool:
    """The one pool of so many cores in this process."""
    return CorePool(cores)


def core_pool() -> CorePool:
    """The pool of the cores that this process may use now."""
    return pool_of(usable_cores())
