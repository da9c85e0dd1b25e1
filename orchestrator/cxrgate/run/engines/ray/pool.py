"""Actors that take tasks until none is left. What a lost actor was at is given to another; no answer comes twice.

An actor opens what it needs, says what it has opened, and is given a task only if that is what the driver has.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar

import ray
from ray.exceptions import RayActorError, RayTaskError

from cxrgate.core import CxrgateError, MismatchError
from cxrgate.run.host_fault import HostFault

IN_FLIGHT = 2
"""Tasks of one actor: it finds the next one waiting."""

TRIES = 3
"""Actors that a task may take with it before it is held to be why."""

START_SECONDS = 30.0
"""Once one actor is ready: how long the others are waited for before there is work."""

PATIENCE = 300.0
"""Seconds without any actor, while nodes may come back, before the run ends; started again, it goes on."""

Task = TypeVar("Task")
Answer = TypeVar("Answer")
Actor = Any
"""A handle with the methods `open` and `work`."""


@dataclass(eq=False, slots=True)
class _Try(Generic[Task]):
    task: Task
    lost: int = 0


@dataclass(eq=False, slots=True)
class _Worker:
    actor: Actor
    is_ready: bool = False
    is_lost: bool = False
    busy: int = 0


@dataclass(eq=False, slots=True)
class _Call(Generic[Task]):
    """A call that runs; without a task it opens the worker."""

    worker: _Worker
    given: _Try[Task] | None


@dataclass(eq=False)
class Pool(Generic[Task, Answer]):
    """Use as a context manager.

    Attributes:
        start: makes an actor.
        count: how many there are at once.
        opened: what each must say that it has opened.
    """

    start: Callable[[], Actor]
    count: int
    opened: Any
    _calls: dict[asyncio.Future[Any], _Call[Task]] = field(default_factory=dict)
    _workers: list[_Worker] = field(default_factory=list)
    _again: deque[_Try[Task]] = field(default_factory=deque)
    _stillborn: int = 0

    async def __aenter__(self) -> Self:
        """Start the actors and wait for the first, and a little for the others.

        Raises:
            MismatchError: one has opened something else than the driver.
            HostFault: none comes.
            CxrgateError: what an actor raises when it opens.
        """
        try:
            for _ in range(self.count):
                self._open()
            seconds = PATIENCE
            while any(call.given is None for call in self._calls.values()):
                done = await self._wait(seconds)
                if not done:
                    self._expect_workers()
                    break
                for future in done:
                    self._finish(future)
                seconds = START_SECONDS if self._ready() else PATIENCE
        except BaseException:
            self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the actors."""
        self._stop()

    async def run(self, tasks: Iterable[Task]) -> AsyncGenerator[Answer]:
        """The answer to each task, in any order.

        Raises:
            HostFault: no actor is left, or a task took several with it; the answers before stand.
            CxrgateError: what a task raises.
        """
        todo: Iterator[_Try[Task]] = (_Try(task) for task in tasks)
        while self._assign(todo) or any(call.given is not None for call in self._calls.values()):
            done = await self._wait(PATIENCE)
            if not done:
                self._expect_workers()
            for future in done:
                for answer in self._finish(future):
                    yield answer

    def _open(self) -> None:
        worker = _Worker(self.start())
        self._workers.append(worker)
        self._call(worker.actor.open.remote(), _Call(worker, None))

    def _call(self, reference: Any, call: _Call[Task]) -> None:
        self._calls[asyncio.wrap_future(reference.future())] = call

    def _expect_workers(self) -> None:
        if not self._ready():
            raise HostFault(f"the cluster has had no worker for {PATIENCE:g} s: mend it (`ray status`) and start again")

    def _ready(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.is_ready]

    def _assign(self, todo: Iterator[_Try[Task]]) -> bool:
        """Give every ready worker its tasks; whether some wait because there is no worker for them now."""
        for worker in self._ready():
            while worker.busy < IN_FLIGHT:
                given = self._again.popleft() if self._again else next(todo, None)
                if given is None:
                    return False
                worker.busy += 1
                self._call(worker.actor.work.remote(given.task), _Call(worker, given))
        return True

    async def _wait(self, seconds: float) -> set[asyncio.Future[Any]]:
        done, _ = await asyncio.wait(self._calls, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return done

    def _finish(self, future: asyncio.Future[Any]) -> list[Answer]:
        """The call's answer; none where it opened a worker, or the worker was lost before it came."""
        call = self._calls.pop(future)
        try:
            answer = future.result()
        except RayTaskError as error:
            cause = error.cause
            raise (cause if isinstance(cause, CxrgateError) else error) from None
        except RayActorError:
            self._lose(call)
            return []
        if call.given is not None:
            call.worker.busy -= 1
            return [answer]
        if answer != self.opened:
            raise MismatchError(
                f"a worker opened {answer}, and this host {self.opened}: give every node the same files"
            )
        call.worker.is_ready, self._stillborn = True, 0
        return []

    def _lose(self, call: _Call[Task]) -> None:
        """The worker is gone, its process or its whole node: do again what it was at, and start another."""
        if call.given is None:
            self._stillborn += 1
            if self._stillborn >= TRIES * self.count:
                raise HostFault("workers end while they start: memory is the usual cause, look at `ray list actors`")
        else:
            call.given.lost += 1
            if call.given.lost >= TRIES:
                raise HostFault(
                    f"{TRIES} workers ended one after another at the same images: memory is the usual cause"
                )
            self._again.append(call.given)
        if not call.worker.is_lost:
            call.worker.is_lost, call.worker.is_ready = True, False
            self._workers.remove(call.worker)
            self._open()

    def _stop(self) -> None:
        for future in self._calls:
            future.cancel()
        self._calls.clear()
        for worker in self._workers:
            ray.kill(worker.actor)
        self._workers.clear()
