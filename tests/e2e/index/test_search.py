import asyncio
import dataclasses

import numpy as np
import pytest
from support.index_calls import index, refused, run
from support.random_snapshots import matrix, queries, random_keypoints, write_snapshot

from cxrgate.api.index.v1 import index_service_pb2 as pb
from cxrgate.core.keypoints import METHOD, ROW_BYTES
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.index import EngineName, PartName
from cxrgate.index.search import LocalSearcher
from cxrgate.index.service.codec import from_neighbors, to_query
from cxrgate.index.service.servicer import MATCHED_QUERIES
from cxrgate.index.store import SnapshotStore


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


@pytest.fixture(scope="module")
def matched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("matched")
    write_snapshot(folder / "snapshot", keypoints=True)
    return SnapshotStore(folder)


def with_keypoints(count):
    rng = np.random.default_rng(3)
    return [dataclasses.replace(query, keypoints=random_keypoints(rng)) for query in queries(count)]


def test_matches_are_those_that_are_counted_in_this_process(matched):
    stored = matched.open_active()
    asked = with_keypoints(6)
    # A copy of a reference, as far as keypoints go: it becomes the last candidate.
    asked[2] = dataclasses.replace(asked[2], keypoints=np.array(stored.parts[PartName.KEYPOINTS].arrays["rows"][0]))

    async def go():
        local = LocalSearcher(stored, 3, EngineName.MATRIX)
        async with index(matched) as (stub, _):
            answer = await stub.FindNeighbors(to_query(asked, 3, ""), timeout=10)
        return await local.search(asked), [from_neighbors(*item) for item in zip(asked, answer.results, strict=True)]

    local, remote = asyncio.run(go())
    assert all(equal(*both) for both in zip(local, remote, strict=True))
    assert all(np.array_equal(one.matches, other.matches) for one, other in zip(local, remote, strict=True))


def test_no_keypoint_leaves_the_index_and_no_matches_are_answered_that_nobody_asked_for(matched):
    async def ask(stub):
        plain = await stub.FindNeighbors(to_query(queries(2), 3, ""), timeout=5)
        asked = await stub.FindNeighbors(to_query(with_keypoints(2), 3, ""), timeout=5)
        return plain, asked, await stub.GetIndex(pb.GetIndexRequest(), timeout=5)

    plain, asked, about = run(matched, ask)
    rows = matched.open_active().parts[PartName.KEYPOINTS].arrays["rows"]
    assert not any(item.HasField("matches") for found in plain.results for item in found.neighbors)
    assert all(item.HasField("matches") for found in asked.results for item in found.neighbors)
    assert about.index.match_method == METHOD
    assert not any(row[1500:1600].tobytes() in asked.SerializeToString() for row in rows)


@pytest.mark.parametrize(
    ("keypoints", "answer"),
    [
        (b"x" * ROW_BYTES, "DIMENSION_MISMATCH"),
        (b"x" * (2 * ROW_BYTES + 1), "DIMENSION_MISMATCH"),
        (b"\xff" * (2 * ROW_BYTES), "KEYPOINTS"),
    ],
    ids=["one row of two", "a byte more", "no keypoints"],
)
def test_keypoints_of_another_size_or_kind_are_refused(matched, keypoints, answer):
    request = to_query(queries(2), 3, "")
    request.keypoints = keypoints

    assert refused(matched, lambda stub: stub.FindNeighbors(request, timeout=5)) == ("INVALID_ARGUMENT", answer)


def test_more_queries_than_can_be_matched_in_time_are_refused(matched):
    request = to_query(with_keypoints(1) * (MATCHED_QUERIES + 1), 3, "")

    code = refused(matched, lambda stub: stub.FindNeighbors(request, timeout=5))

    assert code == ("INVALID_ARGUMENT", "QUERY_COUNT")


def test_only_the_gate_asks_for_matches(matched):
    request = to_query(with_keypoints(1), 3, "")

    code = refused(matched, lambda stub: stub.FindNeighbors(request, timeout=5), "curator")

    assert code == ("PERMISSION_DENIED", "ROLE")


def test_a_snapshot_without_keypoints_answers_nobody_who_asks_for_matches(store):
    request = to_query(with_keypoints(1), 3, "")

    code = refused(store, lambda stub: stub.FindNeighbors(request, timeout=5))

    assert code == ("FAILED_PRECONDITION", "VERSION_MISMATCH")
