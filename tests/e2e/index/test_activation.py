import asyncio

import grpc
import pytest
from support.grpc_servers import channel, reason
from support.index_calls import index, run
from support.random_snapshots import queries, write_snapshot

from cxrgate.api.index.v1 import index_service_pb2 as pb
from cxrgate.api.index.v1 import index_service_pb2_grpc as stubs
from cxrgate.index import EngineName
from cxrgate.index.build import ModelDigests
from cxrgate.index.search import LocalSearcher
from cxrgate.index.service.codec import to_query


def test_activation_survives_a_restart(store, digests):
    request = pb.ActivateSnapshotRequest(index_digest=digests[1])
    answer = run(store, lambda stub: stub.ActivateSnapshot(request, timeout=5), "curator")

    assert answer.index.digest == digests[1]
    assert run(store, lambda stub: stub.GetIndex(pb.GetIndexRequest(), timeout=5)).index.digest == digests[1]


def activate_and_look(digest):
    async def call(stub):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.ActivateSnapshot(pb.ActivateSnapshotRequest(index_digest=digest), timeout=5)
        active = await stub.GetIndex(pb.GetIndexRequest(), timeout=5)
        return error.value.code().name, reason(error.value), active.index.digest

    return call


@pytest.mark.parametrize("name", ["identity", "features", "copy", "reference_ids", "patient_keys", "mean_layout"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_corrupt_snapshot_is_refused_and_the_old_one_stays(store, digests, name, damage):
    path = store.folder / "second" / f"{name}.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.unlink()
    if damage != "remove":
        path.write_bytes(content if damage == "flip" else content[:-1])

    code, why, active = run(store, activate_and_look(digests[1]), "curator")
    assert (code, why, active) == ("DATA_LOSS", "SNAPSHOT_CORRUPT", digests[0])


def test_snapshot_of_other_models_is_refused_and_the_old_one_stays(store, digests):
    foreign = write_snapshot(store.folder / "foreign", models=ModelDigests("other", "verification"))

    answer = run(store, activate_and_look(foreign.manifest.digest), "curator")
    assert answer == ("FAILED_PRECONDITION", "VERSION_MISMATCH", digests[0])


def test_unknown_snapshot_is_refused(store, digests):
    answer = run(store, activate_and_look("0" * 64), "curator")

    assert answer == ("FAILED_PRECONDITION", "SNAPSHOT_INVALID", digests[0])


def test_swaps_under_load_give_no_error_and_no_mixed_answer(template, store, digests):
    asked = queries(4)
    own = {}
    for snapshot in template[1:]:
        local = LocalSearcher(snapshot, 3, EngineName.MATRIX)
        own[snapshot.manifest.digest] = [item.features.tobytes() for item in asyncio.run(local.search(asked))]

    async def go():
        seen = dict.fromkeys(digests, 0)
        done = asyncio.Event()
        async with index(store) as (stub, address), channel(address, "curator") as other:

            async def hammer():
                while not done.is_set():
                    answer = await stub.FindNeighbors(to_query(asked, 3, ""), timeout=10)
                    assert [item.features.values for item in answer.results] == own[answer.index_digest]
                    seen[answer.index_digest] += 1

            async def swap():
                for number in range(100):
                    request = pb.ActivateSnapshotRequest(index_digest=digests[(number + 1) % 2])
                    await stubs.IndexServiceStub(other).ActivateSnapshot(request, timeout=10)
                done.set()

            await asyncio.gather(hammer(), hammer(), hammer(), swap())
        return seen

    assert min(asyncio.run(go()).values()) > 0


def test_pinned_callers_keep_their_snapshot_after_a_swap(store, digests):
    async def call(stub):
        await stub.ActivateSnapshot(pb.ActivateSnapshotRequest(index_digest=digests[1]), timeout=5)
        return await stub.FindNeighbors(to_query(queries(1), 3, digests[0]), timeout=5)

    assert run(store, call, "curator").index_digest == digests[0]
