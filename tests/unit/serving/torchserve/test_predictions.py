"""Asking a model server that behaves as TorchServe does when it is pressed."""

import asyncio
import time
from contextlib import asynccontextmanager

import grpc
import pytest

from cxrgate.api.torchserve import inference_pb2 as pb
from cxrgate.api.torchserve import inference_pb2_grpc as stubs
from cxrgate.core import CxrgateError
from cxrgate.rpc.deadline import set_deadline
from cxrgate.serving import asking as module
from cxrgate.serving.asking import IN_FLIGHT
from cxrgate.serving.pack import JOB_QUEUE
from cxrgate.serving.torchserve.predictions import Predictions, open_models_channel

CODE = grpc.StatusCode


class Scripted(stubs.InferenceAPIsServiceServicer):
    """Answers with the statuses it was given, then with what it was sent."""

    def __init__(self, statuses=(), seconds=0.0):
        self.statuses, self.seconds = list(statuses), seconds
        self.calls = self.open = self.most = 0
        self.hold = asyncio.Event()
        self.hold.set()

    async def Predictions(self, request, context):
        self.calls += 1
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            await self.hold.wait()
            await asyncio.sleep(self.seconds)
            if self.statuses:
                await context.abort(*self.statuses.pop(0))
        finally:
            self.open -= 1
        return pb.PredictionResponse(prediction=request.model_name.encode() + request.input["request"])


@asynccontextmanager
async def asking(servicer, **settings):
    server = grpc.aio.server()
    stubs.add_InferenceAPIsServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with open_models_channel(f"127.0.0.1:{port}") as channel:
        yield Predictions(channel, **settings)
    await server.stop(0)


def ask(servicer, seconds=10.0, deadline=None):
    async def go():
        async with asking(servicer) as asked:
            set_deadline(deadline)
            try:
                return await asked.ask("copy", b"!", seconds)
            except CxrgateError as error:
                return error.code, error.reason

    return asyncio.run(go())


DIED, RAISED = (CODE.RESOURCE_EXHAUSTED, "Worker died."), (CODE.UNAVAILABLE, "Prediction failed")
FULL = (CODE.INTERNAL, 'Model "copy" has no worker to serve inference request.')


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.01)


@pytest.mark.parametrize("statuses", [[], [DIED], [DIED, DIED], [FULL] * 4], ids=str)
def test_what_may_help_is_asked_again(statuses):
    servicer = Scripted(statuses)

    assert ask(servicer) == b"copy!"
    assert servicer.calls == len(statuses) + 1


@pytest.mark.parametrize(
    ("statuses", "error", "calls"),
    [
        ([DIED] * 9, ("UNAVAILABLE", "WORKER_DIED"), 3),
        ([RAISED] * 9, ("INTERNAL", "HANDLER_RAISED"), 1),
    ],
    ids=["kills each worker", "raises"],
)
def test_a_request_that_does_harm_is_not_asked_for_ever(statuses, error, calls):
    servicer = Scripted(statuses)

    assert ask(servicer) == error
    assert servicer.calls == calls


def test_a_full_queue_is_tried_until_time_is_up():
    servicer, started = Scripted([FULL] * 9999), time.monotonic()

    # The last try may be cut off by the deadline itself.
    assert ask(servicer, seconds=1) in {("UNAVAILABLE", "OVERLOAD"), ("DEADLINE_EXCEEDED", "DEADLINE")}
    assert servicer.calls > 1
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(("seconds", "deadline"), [(0.3, None), (10.0, 0.4)], ids=["own", "the caller's"])
def test_deadline_holds(seconds, deadline):
    started = time.monotonic()
    found = ask(Scripted(seconds=5), seconds, None if deadline is None else started + deadline)

    assert found == ("DEADLINE_EXCEEDED", "DEADLINE")
    assert time.monotonic() - started < 2


def test_server_that_starts_later_is_waited_for():
    async def go():
        server = grpc.aio.server()
        stubs.add_InferenceAPIsServiceServicer_to_server(Scripted(), server)
        port = server.add_insecure_port("127.0.0.1:0")
        async with open_models_channel(f"127.0.0.1:{port}") as channel:
            waiting = asyncio.create_task(Predictions(channel).ask("copy", b"!", 20))
            await asyncio.sleep(0.5)
            await server.start()
            answer = await waiting
        await server.stop(0)
        return answer

    assert asyncio.run(go()) == b"copy!"


def test_no_more_than_the_limit_are_asked_at_once():
    servicer = Scripted()

    async def go():
        servicer.hold.clear()
        async with asking(servicer, in_flight=3) as asked:
            waiting = asyncio.gather(*[asked.ask("copy", bytes([number]), 60) for number in range(20)])
            while servicer.open < 3:  # noqa: ASYNC110 - the server's own count
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.3)
            servicer.hold.set()
            return await waiting

    assert asyncio.run(go()) == [b"copy" + bytes([number]) for number in range(20)]
    assert servicer.most == 3


def test_several_callers_stay_below_torchserves_queue():
    assert 6 * IN_FLIGHT < JOB_QUEUE
