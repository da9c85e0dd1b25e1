"""A stream whose policy is no longer in force ends, and the client goes on under the policy that is."""

import asyncio
from dataclasses import replace

import grpc
from support.fake_gate import CLEAN, Stages
from support.fakes import POLICY
from support.grpc_servers import IDENTITIES, ROLES, channel, reason, serving

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.api.gate.v1 import gate_service_pb2_grpc as stubs
from cxrgate.client import AsyncGate, Image
from cxrgate.core import CallRefused
from cxrgate.gate.pipeline import Gate
from cxrgate.gateway.batches import Batches
from cxrgate.gateway.check import CheckService
from cxrgate.gateway.quota import Quotas
from cxrgate.gateway.servicer import gate_service
from cxrgate.hashlog import HashLog

NEW = replace(POLICY, snapshot="another snapshot")


class Gone(Stages):
    """An index that has another snapshot from the second batch on."""

    async def search(self, queries):
        if len(self.sizes) > 1:
            raise CallRefused("FAILED_PRECONDITION", "INDEX_MISMATCH", "another snapshot is active")
        return await super().search(queries)


class Swapped:
    """The gate of the old snapshot for whoever came first, that of the new one afterwards."""

    def __init__(self, *, swaps):
        old, new = Gone(), Stages()
        self._old, self._new = Gate(old, old, old, old, POLICY), Gate(new, new, new, new, NEW)
        self._asked, self._swaps = 0, swaps

    def current(self):
        self._asked += 1
        return self._new if self._swaps and self._asked > 1 else self._old


def ask(folder, call, *, swaps=True):
    async def go():
        log = HashLog(folder / "gate.log")
        service = CheckService(Swapped(swaps=swaps), Stages(), log, Batches(16), Quotas(ROLES.quotas))
        try:
            async with serving(gate_service(service)) as (_, address):
                return await call(address)
        finally:
            await log.close()

    return asyncio.run(go())


async def _two(address):
    """The answers to two images, the second sent after the first was answered, and the error that ended the stream."""
    found, answered = [], asyncio.Event()

    async def requests():
        yield pb.CheckImagesRequest(sequence=1, image=pb.Image(image_id="a", content=CLEAN))
        await answered.wait()
        yield pb.CheckImagesRequest(sequence=2, image=pb.Image(image_id="b", content=CLEAN))

    async with channel(address, "generator") as opened:
        try:
            async for answer in stubs.GateServiceStub(opened).CheckImages(requests(), timeout=60):
                found.append(answer)
                answered.set()
        except grpc.aio.AioRpcError as error:
            return found, error
    return found, None


def test_a_stream_whose_policy_is_lost_ends_with_a_status_to_go_on_from(tmp_path):
    found, error = ask(tmp_path, _two)
    assert [answer.verdict.policy_digest for answer in found] == [POLICY.digest]
    assert (error.code().name, reason(error)) == ("UNAVAILABLE", "POLICY_LOST")


def test_an_image_that_fails_under_the_policy_in_force_is_answered_in_band(tmp_path):
    found, error = ask(tmp_path, _two, swaps=False)
    assert [answer.error.reason for answer in found] == ["", "NOT_CHECKED"]
    assert error is None


def test_the_client_goes_on_and_has_each_image_answered_under_the_new_policy(tmp_path):
    async def call(address):
        async def images():
            for number in range(40):
                yield Image(CLEAN, str(number))

        async with AsyncGate(address, IDENTITIES["generator"]) as gate:
            return [verdict async for verdict in gate.check_many(images())]

    found = ask(tmp_path, call)
    assert [verdict.image_id for verdict in found] == [str(number) for number in range(40)]
    assert all(verdict.released for verdict in found)
    assert found[-1].policy_digest == NEW.digest
