"""What an index service answers is believed only where it answers these very queries."""

import asyncio
import dataclasses
from types import SimpleNamespace

import grpc
import numpy as np
import pytest
from support.fakes import POLICY
from support.random_snapshots import descriptors, random_keypoints, write_snapshot

from cxrgate.api.index.v1 import index_service_pb2 as pb
from cxrgate.core import Candidates, Evidence, Failure
from cxrgate.gate.remote import MATCHED_AT_ONCE, RemoteSearcher, remote_gate
from cxrgate.index import Snapshot
from cxrgate.index.engines.engine import EngineName
from cxrgate.index.search import LocalSearcher
from cxrgate.index.service.codec import query_digest, to_neighbors

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


def test_a_list_that_names_one_neighbor_several_times_is_none(asked, answered):
    one = pb.NeighborList()
    one.CopyFrom(answered[1])
    for item in one.neighbors:
        item.reference_id = one.neighbors[0].reference_id
    found = search(asked, [answered[0], one, *answered[2:]])
    assert [isinstance(item, Failure) for item in found] == [False, True, False, False]


def test_an_index_that_does_not_say_which_lists_hold_its_neighbors_is_refused_by_name(asked, answered):
    old = pb.NeighborList()
    old.CopyFrom(answered[1])
    old.neighbors[0].ClearField("lists")
    found = search(asked, [answered[0], old, *answered[2:]])

    assert [isinstance(item, Failure) for item in found] == [False, True, False, False]
    assert "upgrade the index first" in found[1].message


def test_a_list_of_an_impossible_number_is_none(asked, answered):
    odd = pb.NeighborList()
    odd.CopyFrom(answered[0])
    odd.neighbors[0].lists.append(2**32 - 1)

    assert isinstance(search(asked, [odd, *answered[1:]])[0], Failure)


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


MATCHED = dataclasses.replace(POLICY, match_threshold=36, match_method="sift")


def test_an_index_that_counts_no_matches_gives_no_answer_to_a_policy_that_asks(asked, answered):
    rng = np.random.default_rng(0)
    with_rows = [dataclasses.replace(query, keypoints=random_keypoints(rng)) for query in asked]
    old = []
    for item, query in zip(answered, with_rows, strict=True):
        copy = pb.NeighborList()
        copy.CopyFrom(item)
        copy.query_digest = query_digest(query)
        old.append(copy)
    found = search(with_rows, old)

    assert all(item.matches is None for item in found)
    scores = np.zeros(len(found[0].reference_ids))
    assert MATCHED.decide(Evidence(found[0], scores), "").reasons == ("SCORE_INVALID",)
    # And one that did not even read the keypoints answered another query.
    assert all(isinstance(item, Failure) for item in search(with_rows, answered))


def test_queries_with_keypoints_are_asked_in_pieces_that_end_in_time():
    rng = np.random.default_rng(0)
    many = [descriptors(str(number), rng) for number in range(2 * MATCHED_AT_ONCE + 1)]
    sizes = []

    class Counting(Stub):
        async def FindNeighbors(self, request, **_):
            sizes.append(request.identity.rows)
            empty = [pb.NeighborList()] * request.identity.rows
            return pb.FindNeighborsResponse(index_digest=POLICY.snapshot, results=empty)

    async def go():
        async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
            for policy in (MATCHED, POLICY):
                searcher = RemoteSearcher(channel, policy)
                searcher._stub = Counting(())
                found = await searcher.search(many)
                assert [item.image_id for item in found] == [query.image_id for query in many]

    asyncio.run(go())
    assert sizes == [MATCHED_AT_ONCE, MATCHED_AT_ONCE, 1, len(many)]
