"""What is done to a run from inside of its process: each is a context manager that a request names."""

from __future__ import annotations

import errno
import functools
import inspect
import itertools
import os
import pkgutil
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from support.misbehaving_decoders import misbehave

from cxrgate.gate import local
from cxrgate.images.sandbox.decoder import SandboxedDecoder

POINTS = {
    "decode": "support.inline_decoder:InlineDecoder.decode",
    "embed": "cxrgate.models.local:LocalEmbedder.embed",
    "search": "cxrgate.index.search:LocalSearcher.search",
    "verify": "cxrgate.models.verifier:FeatureVerifier.verify",
    "decide": "cxrgate.core.policy:Policy.decide",
    "stage": "cxrgate.run.engines.writers:stage",
    "journal": "cxrgate.run.journal:Journal.append_all",
    "results": "cxrgate.run.run:write_results",
    "certificate": "cxrgate.gate.pipeline:Gate.check_certificate",
    "withheld": "cxrgate.run.run:remember_withheld",
    "publish": "cxrgate.run.run:publish",
    "link": "os:link",
    "write": "os:write",
    "open": "os:open",
    "sync": "os:fsync",
    "rename": "os:rename",
    "replace": "os:replace",
    "remove": "shutil:rmtree",
}
"""The named failpoints: each is a step of a run, hit before or after any of its calls."""


def resolve(at: str) -> tuple[Any, str]:
    """The object that holds a failpoint's function, and its name there."""
    module, _, path = POINTS[at].partition(":")
    holder, _, name = path.rpartition(".")
    return pkgutil.resolve_name(f"{module}:{holder}" if holder else module), name


@contextmanager
def _hit(at: str, nth: int, act: Callable[[], None], *, after: bool = False) -> Iterator[None]:
    """Act once, before or after the nth call of a point, counted from 1."""
    holder, name = resolve(at)
    whole, calls = getattr(holder, name), itertools.count(1)

    @contextmanager
    def around() -> Iterator[None]:
        mine = next(calls) == nth
        if mine and not after:
            act()
        yield
        if mine and after:
            act()

    @functools.wraps(whole)
    def plain(*args: Any, **kwargs: Any) -> Any:
        with around():
            return whole(*args, **kwargs)

    @functools.wraps(whole)
    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        with around():
            return await whole(*args, **kwargs)

    with mock.patch.object(holder, name, coroutine if inspect.iscoroutinefunction(whole) else plain):
        yield


def kill(at: str, nth: int, *, after: bool = False) -> AbstractContextManager[None]:
    """Kill -9 of the process itself."""
    return _hit(at, nth, lambda: os.kill(os.getpid(), signal.SIGKILL), after=after)


def fail(at: str, nth: int, error: str) -> AbstractContextManager[None]:
    """The operating system refuses a call."""
    number = getattr(errno, error)

    def refuse() -> None:
        raise OSError(number, os.strerror(number))

    return _hit(at, nth, refuse)


@contextmanager
def limit(kind: str, value: int) -> Iterator[None]:
    """A limit of the process, such as RLIMIT_FSIZE, whose signal is ignored so that calls fail."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    number = getattr(resource, kind)
    hard = resource.getrlimit(number)[1]
    resource.setrlimit(number, (value, hard))
    yield
    resource.setrlimit(number, (hard, hard))


def starve(at: str, nth: int, mebibytes: int) -> AbstractContextManager[None]:
    """From the nth call of a point on, no more than so much memory beyond what the process has (RLIMIT_AS)."""

    def limit_memory() -> None:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + mebibytes * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))

    return _hit(at, nth, limit_memory)


@contextmanager
def misbehaving_decoder() -> Iterator[None]:
    """Decode workers that end, crash or fill their memory at the images whose names say so."""
    with mock.patch.object(
        local, "SandboxedDecoder", lambda workers, **more: SandboxedDecoder(workers, misbehave, **more)
    ):
        yield


@contextmanager
def answers(stage: str, ways: list[str]) -> Iterator[None]:
    """From the second batch on, one batch in a stage is answered wrongly in each of these ways of `ANSWERS`."""
    holder, name = resolve(stage)
    whole, left = getattr(holder, name), ["", *ways]

    async def wrong(self: Any, *args: Any) -> Any:
        given = list(await whole(self, *args))
        way = left.pop(0) if left and len(given) > 2 else ""
        return ANSWERS[way](given) if way else given

    with mock.patch.object(holder, name, wrong):
        yield


def _late(given: list[Any]) -> list[Any]:
    raise TimeoutError(f"expected {len(given)} answers in time")


def _without_numbers(given: list[Any]) -> list[Any]:
    return [replace(item, distances=np.full(len(item.distances), np.nan)) for item in given]


ANSWERS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "half": lambda given: given[: len(given) // 2],
    "none": lambda _: [],
    "permuted": lambda given: given[::-1],
    "one twice": lambda given: [given[0], given[0], *given[2:]],
    "one too many": lambda given: [*given, given[-1]],
    "late": _late,
    "without numbers": _without_numbers,
}
"""What an index or a model server may give instead of its answer."""

INTERVENTIONS: dict[str, Callable[..., AbstractContextManager[None]]] = {
    "kill": kill,
    "fail": fail,
    "limit": limit,
    "starve": starve,
    "misbehaving_decoder": misbehaving_decoder,
    "answers": answers,
}
