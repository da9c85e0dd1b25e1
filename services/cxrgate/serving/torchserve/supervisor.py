"""Keeps TorchServe answering: ready once each model gives its known answer, started anew when they no longer do.

TorchServe's own ping says "healthy" before models are loaded and while a worker is dead, so it is not asked.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from cxrgate.core import CxrgateError, ModelError
from cxrgate.models.manifest import read_manifest
from cxrgate.serving.known_answer import KnownAnswer, read_known_answer
from cxrgate.serving.torchserve.predictions import Predictions, open_models_channel
from cxrgate.serving.torchserve.server import TorchServe
from cxrgate.serving.torchserve.settings import Settings
from cxrgate.storage import write_durably

START_SECONDS = 180.0
"""From nothing to a known answer: 7 s on an idle machine, 30 s on a busy one."""

KNOWN_ANSWER_SECONDS = 10.0
PAUSE_SECONDS = 3.0
FAILURES = 3
"""Known answers in a row without an answer, while no real request got one either. A worker that dies is back before."""

POLL_SECONDS = 0.2
BACKOFF = (1.0, 2.0, 5.0, 10.0, 30.0)

READY = "ready"

_log = logging.getLogger(__name__)


class Supervisor:
    """One TorchServe after the other, until it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        """Read what the packed models are.

        Raises:
            ModelError: one is not what its manifest says.
        """
        self._settings = settings
        self._models: Mapping[str, tuple[str, KnownAnswer]] = {
            name: (read_manifest(settings.store / name).digest, read_known_answer(settings.store / name))
            for name in settings.models
        }
        self._ready = settings.folder / READY
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Let `run` end."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve until `stop`.

        The file `ready` is in the folder while the models answer; it holds the front end's process id.

        Raises:
            UsageError: TorchServe or Java is not installed.
            ModelError: no model answered when it was first started.
        """
        self._ready.unlink(missing_ok=True)
        starts, answered = 0, False
        while not self._stopping.is_set():
            server = TorchServe(self._settings)
            try:
                good = await self._serve(server)
            finally:
                self._ready.unlink(missing_ok=True)
                await asyncio.to_thread(server.stop)
            answered = answered or good
            if not answered and not self._stopping.is_set():
                raise ModelError(f"TorchServe does not answer; see {self._settings.folder}/logs")
            starts = 0 if good else starts + 1
            if not good:
                await self._pause(BACKOFF[min(starts, len(BACKOFF)) - 1])

    async def _serve(self, server: TorchServe) -> bool:
        """Until it has to be started anew, or we are told to stop; whether it ever was ready."""
        async with open_models_channel(str(self._settings.listen)) as channel:
            predictions = Predictions(channel)
            if not await self._get_ready(server, predictions):
                return False
            write_durably(self._ready, f"{server.pid}\n".encode())
            _log.info("models.server_ready", {"address": self._settings.listen, "pid": server.pid})
            await self._watch(server, predictions)
            return True

    async def _get_ready(self, server: TorchServe, predictions: Predictions) -> bool:
        end = time.monotonic() + START_SECONDS
        tasks = [asyncio.create_task(self._answers(name, predictions, START_SECONDS)) for name in self._models]
        try:
            while time.monotonic() < end and not server.ended and not self._stopping.is_set():
                done, _ = await asyncio.wait(tasks, timeout=POLL_SECONDS)
                if len(done) == len(tasks):
                    return all(task.result() for task in tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return False

    async def _watch(self, server: TorchServe, predictions: Predictions) -> None:
        """Return when it has ended, when a model no longer answers, or when we are told to stop."""
        watches = [asyncio.create_task(self._watch_model(name, server, predictions)) for name in self._models]
        try:
            while not server.ended and not self._stopping.is_set() and not any(task.done() for task in watches):
                await self._pause(POLL_SECONDS)
        finally:
            for task in watches:
                task.cancel()
            await asyncio.gather(*watches, return_exceptions=True)
        if not self._stopping.is_set():
            _log.error("models.server_lost", {"ended": server.ended})

    async def _watch_model(self, name: str, server: TorchServe, predictions: Predictions) -> None:
        failures = 0
        while failures < FAILURES:
            await asyncio.sleep(PAUSE_SECONDS)
            asked = time.time()
            good = await self._answers(name, predictions, KNOWN_ANSWER_SECONDS) or _beat(server.beats / name) > asked
            failures = 0 if good else failures + 1
            if not good:
                _log.warning("models.known_answer_failed", {"model": name, "failures": failures})

    async def _answers(self, name: str, predictions: Predictions, seconds: float) -> bool:
        """Whether the model gives its known answer."""
        digest, known_answer = self._models[name]
        try:
            return known_answer.fits(digest, await predictions.ask(name, known_answer.request(digest), seconds))
        except CxrgateError as error:
            _log.info("models.known_answer_missing", {"model": name, "reason": error.reason})
            return False

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


def _beat(path: Path) -> float:
    """When a real request last got a good answer, in seconds since the epoch; 0 for never."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
