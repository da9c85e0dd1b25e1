"""What an index service answers is believed only where it answers these very queries."""

import asyncio
from types import SimpleNamespace

import grpc
import numpy as np
import pytest
from support.fakes import POLICY
from support.random_snapshots import descriptors, write_snapshot

from cxrgate.api.index.v1 import index_service_pb2 as pb
from cxrgate.core import Candidates, Failure
from cxrgate.gate.remote import RemoteSearcher, remote_gate
from cxrgate.index import Snapshot
from cxrgate.index.engines.engine import EngineName
from cxrgate.index.search import LocalSearcher
from cxrgate.index.service.codec import to_neighbors

COUNT = 4


@pytest.fixture(scope="module")
def asked():
    rng = np.random.default_rng(0)
    return [descriptors(f"image {number}", rng) for number in range(COUNT)]


@pytest.fixture(scope="module")
def answered(asked, tmp_path_factory):
    folder = tmp_path_factory.mktemp("remote") / "snapshot"
    write_snapshot(folder, 0, 20)
    found = asyncio.run(LocalSearcher(Snapshot.open(folder), 3, EngineName.MATRIX).search(asked))
    return [to_neighbors(*item, features=True) for item in zip(asked, found, strict=True)]


class Stub:
    def __init__(self, results):
        self.results = results

    async def FindNeighbors(self, request, **_):
        return pb.FindNeighborsResponse(index_digest=POLICY.snapshot, results=self.results)


def search(asked, results):
    """What becomes of the queries where the index answers with these lists."""

    async def go():
        async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
            searcher = RemoteSearcher(channel, POLICY)
            searcher._stub = Stub(results)
            return await searcher.search(asked)

    return asyncio.run(go())


def test_candidates_of_each_query_are_taken(asked, answered):
    found = search(asked, answered)
    assert [item.image_id for item in found] == [query.image_id for query in asked]
    assert all(isinstance(item, Candidates) for item in found)


def test_lists_in_another_order_are_no_ones_candidates(asked, answered):
    found = search(asked, answered[::-1])
    assert all(isinstance(item, Failure) and item.is_host_fault for item in found)


def test_a_list_of_another_call_spoils_one_image(asked, answered):
    found = search(asked, [answered[0], answered[1], answered[0], answered[3]])
    assert [isinstance(item, Failure) for item in found] == [False, False, True, False]


def test_an_index_that_does_not_say_what_it_answers_is_not_believed(asked, answered):
    silent = []
    for item in answered:
        copy = pb.NeighborList()
        copy.CopyFrom(item)
        copy.ClearField("query_digest")
        silent.append(copy)
    assert all(isinstance(item, Failure) for item in search(asked, silent))


def test_half_an_answer_is_none(asked, answered):
    with pytest.raises(ValueError, match="shorter"):
        search(asked, answered[:2])


def test_an_index_that_restarts_is_waited_for_and_what_it_does_not_answer_in_time_is_no_pass(asked, answered):
    class Waiting(Stub):
        async def FindNeighbors(self, request, **how):
            self.how = how
            return await super().FindNeighbors(request, **how)

    async def go():
        async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
            searcher = RemoteSearcher(channel, POLICY)
            searcher._stub = Waiting(answered)
            await searcher.search(asked)
            return searcher._stub.how

    how = asyncio.run(go())
    assert how["wait_for_ready"] is True
    assert 0 < how["timeout"] <= 10


@pytest.mark.parametrize("sent", [b"", b"a certificate"])
def test_the_certificate_that_the_index_has_is_the_one_that_is_bound(sent):
    class Binder:
        models = SimpleNamespace(embedder=None, verifier=None)

        def bind(self, _facts, content):
            self.bound = content
            return POLICY, None

    async def go():
        async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
            remote_gate(channel, binder, pb.Index(certificate=sent), None)

    binder = Binder()
    asyncio.run(go())
    assert binder.bound == (sent or None)
