import asyncio

import numpy as np
import pytest
from support.index_calls import index, refused, run
from support.random_snapshots import matrix, queries

from cxrgate.api.index.v1 import index_service_pb2 as pb
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.index import EngineName
from cxrgate.index.search import LocalSearcher
from cxrgate.index.service.codec import from_neighbors, to_query


def equal(a, b):
    return (
        (a.reference_ids, a.patient_keys, a.typicality) == (b.reference_ids, b.patient_keys, b.typicality)
        and np.array_equal(a.distances, b.distances)
        and np.array_equal(a.similarities["copy"], b.similarities["copy"])
        and np.array_equal(a.features, b.features)
    )


@pytest.mark.parametrize("engine", list(EngineName))
@pytest.mark.parametrize("searched", [COSINE_SPACES, ()])
@pytest.mark.parametrize("k", [1, 3, 50])
def test_remote_candidates_equal_local_ones_to_the_last_bit(template, store, engine, searched, k):
    asked = queries(20)

    async def go():
        local = LocalSearcher(template[1], k, engine, searched)
        async with index(store, engine=engine) as (stub, _):
            answer = await stub.FindNeighbors(to_query(asked, k, "", searched), timeout=10)
        return await local.search(asked), [from_neighbors(*item) for item in zip(asked, answer.results, strict=True)]

    local, remote = asyncio.run(go())
    assert len(remote) == 20
    assert all(equal(a, b) for a, b in zip(local, remote, strict=True))


def test_features_go_to_the_gate_only(store):
    def ask(stub):
        return stub.FindNeighbors(to_query(queries(2), 3, ""), timeout=5)

    assert all(item.features.rows == len(item.neighbors) for item in run(store, ask).results)
    assert not any(item.HasField("features") for item in run(store, ask, "curator").results)


@pytest.mark.parametrize("role", ["generator", "reviewer", "monitor", "admin", "index"])
def test_nobody_else_searches(store, role):
    code = refused(store, lambda stub: stub.FindNeighbors(to_query(queries(1), 3, ""), timeout=5), role)

    assert code == ("PERMISSION_DENIED", "ROLE")


def spoiled(**changes):
    request = to_query(queries(2), 3, "")
    for name, value in changes.items():
        request.ClearField(name)
        if isinstance(value, (list, int, str)):
            request.MergeFrom(pb.FindNeighborsRequest(**{name: value}))
        elif value is not None:
            getattr(request, name).CopyFrom(value)
    return request


ROWS = np.ones((2, 16), np.float32)


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"neighbor_count": None}, ("INVALID_ARGUMENT", "NEIGHBOR_COUNT")),
        ({"neighbor_count": 101}, ("INVALID_ARGUMENT", "NEIGHBOR_COUNT")),
        ({"neighbor_count": 2**32 - 1}, ("INVALID_ARGUMENT", "NEIGHBOR_COUNT")),
        ({"spaces": None}, ("INVALID_ARGUMENT", "SPACES")),
        ({"spaces": [0]}, ("INVALID_ARGUMENT", "SPACES")),
        ({"spaces": [2]}, ("INVALID_ARGUMENT", "SPACES")),
        ({"spaces": [1, 1]}, ("INVALID_ARGUMENT", "SPACES")),
        ({"spaces": [1, 2, 7]}, ("INVALID_ARGUMENT", "SPACES")),
        ({"identity": None}, ("INVALID_ARGUMENT", "QUERY_COUNT")),
        ({"identity": matrix(ROWS[:1])}, ("INVALID_ARGUMENT", "DIMENSION_MISMATCH")),
        ({"identity": matrix(ROWS[:, :15])}, ("INVALID_ARGUMENT", "DIMENSION_MISMATCH")),
        ({"identity": matrix(np.full((2, 16), np.nan, np.float32))}, ("INVALID_ARGUMENT", "NONFINITE")),
        ({"identity": matrix(np.full((2, 16), np.inf, np.float32))}, ("INVALID_ARGUMENT", "NONFINITE")),
        ({"copy": None}, ("INVALID_ARGUMENT", "DIMENSION_MISMATCH")),
        (
            {"identity": pb.Float32Matrix(rows=2, columns=16, values=b"x" * 127)},
            ("INVALID_ARGUMENT", "DIMENSION_MISMATCH"),
        ),
        ({"identity": pb.Float32Matrix(rows=2**31, columns=2**31)}, ("INVALID_ARGUMENT", "QUERY_COUNT")),
        ({"index_digest": "0" * 64}, ("FAILED_PRECONDITION", "INDEX_DIGEST_MISMATCH")),
    ],
)
def test_impossible_queries_are_refused(store, changes, answer):
    assert refused(store, lambda stub: stub.FindNeighbors(spoiled(**changes), timeout=5)) == answer
