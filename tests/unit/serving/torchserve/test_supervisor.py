"""When TorchServe is started anew, on a front end and models that are fakes."""

import asyncio
import os
from types import SimpleNamespace
from typing import ClassVar

import pytest
from support.fakes import save_small_models

from cxrgate.core import CallRefused, ModelError
from cxrgate.serving.address import Address
from cxrgate.serving.pack import pack_model
from cxrgate.serving.torchserve import supervisor as module
from cxrgate.serving.torchserve.settings import Settings
from cxrgate.serving.torchserve.supervisor import READY, Supervisor


class Front:
    """A front end; all that were started are in `started`."""

    started: ClassVar[list] = []

    def __init__(self, settings):
        self.pid, self.ended, self.stopped = 100 + len(self.started), False, False
        self.beats = settings.folder / "beats"
        self.beats.mkdir(exist_ok=True)
        self.started.append(self)

    def stop(self):
        self.stopped = True


class Models:
    """Gives the known answer, another one, or none."""

    state = "good"

    def __init__(self, channel):
        pass

    async def ask(self, model, content, seconds):
        await asyncio.sleep(0.01)
        if self.state == "silent":
            raise CallRefused("DEADLINE_EXCEEDED", "DEADLINE", "expected an answer")
        return b"" if self.state == "wrong" else b"known"


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    save_small_models(folder / "models")
    pack_model(folder / "models" / "retrieval", folder / "packed")
    return folder / "packed"


@pytest.fixture
def supervisor(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "TorchServe", Front)
    monkeypatch.setattr(module, "Predictions", Models)
    monkeypatch.setattr(module, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(module, "BACKOFF", (0.05,))
    monkeypatch.setattr(module, "START_SECONDS", 1.0)
    monkeypatch.setattr(Models, "state", "good")
    Front.started.clear()
    made = Supervisor(Settings(packed, ["retrieval"], Address("127.0.0.1", 7070), tmp_path))
    known_answer = SimpleNamespace(request=lambda digest: b"", fits=lambda digest, content: content == b"known")
    made._models = {"retrieval": ("digest", known_answer)}
    return made


def run(supervisor, events):
    async def go():
        running = asyncio.create_task(supervisor.run())
        try:
            await asyncio.wait_for(events(), 20)
        finally:
            supervisor.stop()
            await asyncio.wait_for(running, 20)

    asyncio.run(go())


async def until(condition):
    while not condition():  # noqa: ASYNC110 - what is waited for are files and fakes
        await asyncio.sleep(0.02)


def test_ready_once_the_known_answer_is_answered_and_no_longer_when_it_ends(supervisor, tmp_path):
    async def events():
        await until((tmp_path / READY).is_file)
        assert (tmp_path / READY).read_text() == "100\n"

    run(supervisor, events)
    assert not (tmp_path / READY).exists()
    assert [front.stopped for front in Front.started] == [True]


def test_front_end_that_ends_is_started_anew(supervisor, tmp_path):
    async def events():
        await until((tmp_path / READY).is_file)
        Front.started[0].ended = True
        await until(lambda: len(Front.started) == 2 and (tmp_path / READY).is_file())
        assert (tmp_path / READY).read_text() == "101\n"

    run(supervisor, events)


@pytest.mark.parametrize("state", ["silent", "wrong"])
def test_models_that_no_longer_give_the_known_answer_are_started_anew(supervisor, tmp_path, state):
    async def events():
        await until((tmp_path / READY).is_file)
        Models.state = state
        await until(lambda: Front.started[0].stopped)
        Models.state = "good"
        await until(lambda: len(Front.started) > 1 and (tmp_path / READY).is_file())

    run(supervisor, events)


def test_good_answers_to_real_requests_count_as_known_answers(supervisor, tmp_path):
    async def events():
        await until((tmp_path / READY).is_file)
        Models.state = "silent"
        for _ in range(50):
            beat = Front.started[0].beats / "retrieval"
            beat.touch()
            os.utime(beat, (2e9 * 2, 2e9 * 2))
            await asyncio.sleep(0.02)
        assert len(Front.started) == 1

    run(supervisor, events)


def test_first_start_without_an_answer_is_an_error(supervisor):
    Models.state = "wrong"

    with pytest.raises(ModelError, match="logs"):
        asyncio.run(supervisor.run())
    assert [front.stopped for front in Front.started] == [True]


def test_later_starts_without_an_answer_are_tried_again(supervisor, tmp_path):
    async def events():
        await until((tmp_path / READY).is_file)
        Models.state = "silent"
        await until(lambda: len(Front.started) == 4)
        Models.state = "good"
        await until((tmp_path / READY).is_file)

    run(supervisor, events)
    assert all(front.stopped for front in Front.started)
