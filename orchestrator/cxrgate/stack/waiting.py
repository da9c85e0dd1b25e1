"""Waiting for a stack that is started: until it is healthy, or will not become so by itself."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence

from cxrgate.core import UsageError
from cxrgate.stack.engine import ContainerState, Engine

SERVICES = ("models", "index", "gate")
SECONDS = 600.0
"""From started to healthy: 30 s on two idle cores, more where a hospital's index is read."""
POLL_SECONDS = 1.0
RESTARTS = 3
"""A container that ended so often meanwhile does not come up by itself."""
REFUSED = '"event": "gate.index_refused"'
"""What a gate says every second while it does not take what the index has: other models, no certificate for it."""
REFUSALS = 10
"""So many looks, one a second, at which that was its last word. Its last word of before a change is gone sooner."""
LOG_LINES = 12

Say = Callable[[str], None]


def wait_until_started(process: subprocess.Popen[bytes], engine: Engine, project: str) -> None:
    """Return when `docker compose up` ends: it waits without end for what others depend on, if that starts in vain.

    Raises:
        UsageError: a container ends again and again, and Compose was told to stop; or it failed itself.
    """
    seen = _Seen(engine, project)
    while process.poll() is None:
        lost = [item for item in engine.states(project) if seen.ended(item) >= RESTARTS]
        if lost:
            process.terminate()
            raise UsageError(account(engine, project, lost))
        time.sleep(POLL_SECONDS)
    if process.returncode != 0:
        others = [item for item in engine.states(project) if not item.good]
        told = account(engine, project, others)
        raise UsageError(f"`docker compose up` failed with exit code {process.returncode}\n{told}")


def wait_until_healthy(engine: Engine, project: str, say: Say, seconds: float = SECONDS) -> None:
    """Return when every container of a project is healthy.

    Raises:
        UsageError: one ends again and again, refuses what the index has, or is not healthy in time; with the last
            lines of its log.
    """
    end, told, seen = time.monotonic() + seconds, "", _Seen(engine, project)
    while True:
        states = engine.states(project)
        waiting = [item for item in states if not item.good]
        if {item.service for item in states} >= set(SERVICES) and not waiting:
            return
        lost = [item for item in waiting if seen.is_lost(item)]
        if lost or time.monotonic() > end:
            raise UsageError(account(engine, project, lost or waiting))
        now = ", ".join(f"{item.service} {item.health or item.state}" for item in waiting)
        if now not in {told, ""}:
            say(f"waiting for {now}")
        told = now
        time.sleep(POLL_SECONDS)


class _Seen:
    """What containers did since somebody began to wait: restarts of before may have been helped."""

    def __init__(self, engine: Engine, project: str) -> None:
        self._engine, self._project = engine, project
        self._before: dict[str, int] = {}
        self._refusals: Counter[str] = Counter()

    def is_lost(self, item: ContainerState) -> bool:
        """Whether one that is not healthy will not become so by itself."""
        refuses = item.state == "running" and REFUSED in self._last_line(item.service)
        self._refusals[item.service] = self._refusals[item.service] + 1 if refuses else 0
        over = item.state in {"exited", "dead"} or self.ended(item) >= RESTARTS
        return over or self._refusals[item.service] >= REFUSALS

    def ended(self, item: ContainerState) -> int:
        """How often it was started again; starting it by hand sets the engine's count to 0."""
        before = self._before[item.container] = min(item.restarts, self._before.get(item.container, item.restarts))
        return item.restarts - before

    def _last_line(self, service: str) -> str:
        return self._engine.log(self._project, service, 1)


def account(engine: Engine, project: str, states: Sequence[ContainerState]) -> str:
    """What became of containers that are not healthy, with the ends of their logs."""
    parts = [
        f"{item.service} is {item.state} {item.health}, started again {item.restarts} times, "
        f"last exit code {item.exit_code}:\n{engine.log(project, item.service, LOG_LINES)}"
        for item in states
    ]
    return "\n".join(["some services did not become healthy:", *parts])
