"""The index service over real gRPC on loopback, with mTLS."""

import asyncio
import shutil
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import grpc
import numpy as np
import pytest
from certified import certificate, signing_key
from grpc_set import channel, reason, serving
from snapshots import MODELS, matrix, queries, write_snapshot

from cxrgate.api.index.v1 import index_service_pb2 as pb
from cxrgate.api.index.v1 import index_service_pb2_grpc as stubs
from cxrgate.certification import CERTIFICATE, read_public_key
from cxrgate.core import CertificateError
from cxrgate.index import EngineName, LocalSearcher, ModelDigests, Snapshot
from cxrgate.index.service import IndexState
from cxrgate.index.service_codec import from_neighbors, to_query
from cxrgate.index.servicer import index_service
from cxrgate.index.store import SnapshotStore


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    return folder, write_snapshot(folder / "first", seed=0), write_snapshot(folder / "second", seed=5)


@pytest.fixture
def store(template, tmp_path):
    """A store of two snapshots, the first active."""
    folder, first, _ = template
    shutil.copytree(folder, tmp_path / "store")
    found = SnapshotStore(tmp_path / "store")
    found.activate(first)
    return found


@pytest.fixture
def digests(template):
    return [snapshot.manifest.digest for snapshot in template[1:]]


@asynccontextmanager
async def index(store, role="gate", engine=EngineName.MATRIX):
    state = IndexState(store, engine)
    async with serving(index_service(state), identity="index") as (_, address), channel(address, role) as opened:
        yield stubs.IndexServiceStub(opened), address


def run(store, call, role="gate"):
    async def go():
        async with index(store, role) as (stub, _):
            return await call(stub)

    return asyncio.run(go())


def refused(store, call, role="gate"):
    with pytest.raises(grpc.aio.AioRpcError) as error:
        run(store, call, role)
    return error.value.code().name, reason(error.value)


def equal(a, b):
    return (
        (a.reference_ids, a.patient_keys, a.typicality) == (b.reference_ids, b.patient_keys, b.typicality)
        and np.array_equal(a.distances, b.distances)
        and np.array_equal(a.similarities, b.similarities)
        and np.array_equal(a.features, b.features)
    )


@pytest.mark.parametrize("engine", list(EngineName))
@pytest.mark.parametrize("copy_space", [True, False])
@pytest.mark.parametrize("k", [1, 3, 50])
def test_remote_candidates_equal_local_ones_to_the_last_bit(template, store, engine, copy_space, k):
    asked = queries(20)

    async def go():
        local = LocalSearcher(template[1], k, engine, copy_space=copy_space)
        async with index(store, engine=engine) as (stub, _):
            answer = await stub.FindNeighbors(to_query(asked, k, "", copy_space=copy_space), timeout=10)
        return await local.search(asked), [from_neighbors(str(i), item) for i, item in enumerate(answer.results)]

    local, remote = asyncio.run(go())
    assert len(remote) == 20
    assert all(equal(a, b) for a, b in zip(local, remote, strict=True))


def test_index_says_what_it_was_built_with(store, template, digests):
    answer = run(store, lambda stub: stub.GetIndex(pb.GetIndexRequest(), timeout=5))

    assert answer.index.digest == digests[0]
    assert (answer.index.retrieval_model_digest, answer.index.verification_model_digest) == (
        MODELS.retrieval,
        MODELS.verification,
    )
    assert (answer.index.reference_count, answer.index.patient_count, answer.index.identity_dimensions) == (30, 15, 16)
    manifest = template[1].manifest
    assert (answer.index.excluded_count, answer.index.images_digest) == (2, manifest.images)


def test_features_go_to_the_gate_only(store):
    def ask(stub):
        return stub.FindNeighbors(to_query(queries(2), 3, "", copy_space=True), timeout=5)

    assert all(item.features.rows == len(item.neighbors) for item in run(store, ask).results)
    assert not any(item.HasField("features") for item in run(store, ask, "curator").results)


@pytest.mark.parametrize("role", ["generator", "reviewer", "monitor", "admin", "index"])
def test_nobody_else_searches(store, role):
    code = refused(
        store, lambda stub: stub.FindNeighbors(to_query(queries(1), 3, "", copy_space=True), timeout=5), role
    )

    assert code == ("PERMISSION_DENIED", "ROLE")


def spoiled(**changes):
    request = to_query(queries(2), 3, "", copy_space=True)
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


def test_pages_list_every_reference_once_and_in_order(store, template):
    async def pages(stub):
        found, token = [], ""
        while True:
            page = await stub.ListReferences(pb.ListReferencesRequest(page_size=7, page_token=token), timeout=5)
            found += page.references
            token = page.next_page_token
            if not token:
                return found

    found = run(store, pages, "curator")
    assert [item.reference_id for item in found] == [row.tobytes() for row in template[1].reference_ids]
    assert [item.patient_key for item in found] == [row.tobytes() for row in template[1].patient_keys]


@pytest.mark.parametrize("token", ["x", "AAAA", "é", "=" * 10000])
def test_invented_page_tokens_are_refused(store, token):
    request = pb.ListReferencesRequest(page_token=token)

    assert refused(store, lambda stub: stub.ListReferences(request, timeout=5), "curator")[0] == "INVALID_ARGUMENT"


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
                    answer = await stub.FindNeighbors(to_query(asked, 3, "", copy_space=True), timeout=10)
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
        return await stub.FindNeighbors(to_query(queries(1), 3, digests[0], copy_space=True), timeout=5)

    assert run(store, call, "curator").index_digest == digests[0]


def withdraw(patients, digest=""):
    async def call(stub):
        request = pb.WithdrawPatientsRequest(index_digest=digest, patient_keys=patients)
        made = await stub.WithdrawPatients(request, timeout=10)
        await stub.ActivateSnapshot(pb.ActivateSnapshotRequest(index_digest=made.index.digest), timeout=10)
        return made.index

    return call


def test_withdrawn_patient_is_found_no_more(store, template):
    first = template[1]
    gone = first.patient_keys[4].tobytes()

    made = run(store, withdraw([gone]), "curator")
    assert (made.reference_count, made.patient_count) == (28, 14)
    active = store.open_active()
    assert gone not in {row.tobytes() for row in active.patient_keys}
    assert first.identity[4].tobytes() not in active.identity.tobytes()
    assert np.array_equal(active.identity, np.delete(first.identity, [4, 5], axis=0))
    assert Snapshot.open(first.path).manifest.digest == first.manifest.digest


def test_withdrawing_an_unknown_patient_changes_nothing(store, digests):
    assert refused(store, withdraw([bytes(16)]), "curator") == ("FAILED_PRECONDITION", "SNAPSHOT_INVALID")
    assert store.open_active().manifest.digest == digests[0]
    assert len(list(store.folder.iterdir())) == 3


def enrolment(snapshot, start, count, patient, replaced=(), **base):
    rng = np.random.default_rng(9)
    manifest = snapshot.manifest
    made = {
        "index_digest": manifest.digest,
        "retrieval_model_digest": manifest.retrieval,
        "verification_model_digest": manifest.verification,
        "copy_method": manifest.copy_method,
        "replaced_patient_keys": replaced,
        **base,
    }
    yield pb.EnrollReferencesRequest(base=pb.EnrollmentBase(**made))
    for number in range(start, start + count):
        parts = {name: matrix(rng.standard_normal((1, size)).astype(np.float32)) for name, size in SIZES.items()}
        reference = pb.Reference(reference_id=number.to_bytes(16, "big"), patient_key=patient)
        yield pb.EnrollReferencesRequest(batch=pb.ReferenceBatch(references=[reference], **parts))


SIZES = {"identity": 16, "copy": 256, "features": 8}


def test_enrolled_references_are_found_once_they_are_active(store, template):
    async def call(stub):
        made = await stub.EnrollReferences(enrolment(template[1], 1, 5, b"p" * 16), timeout=10)
        before = await stub.GetIndex(pb.GetIndexRequest(), timeout=5)
        await stub.ActivateSnapshot(pb.ActivateSnapshotRequest(index_digest=made.index.digest), timeout=10)
        return made.index, before.index.digest

    made, before = run(store, call, "curator")
    assert before == template[1].manifest.digest
    assert (made.reference_count, made.patient_count) == (35, 16)
    active = store.open_active()
    assert active.manifest.digest == made.digest
    assert np.array_equal(active.features[:30], template[1].features)


def test_replaced_patient_keeps_no_old_reference(store, template):
    patient = template[1].patient_keys[0].tobytes()

    async def call(stub):
        return await stub.EnrollReferences(enrolment(template[1], 1, 3, patient, [patient]), timeout=10)

    made = run(store, call, "curator").index
    snapshot = store.open(made.digest)
    assert (made.reference_count, made.patient_count) == (31, 15)
    assert template[1].identity[0].tobytes() not in snapshot.identity.tobytes()


@pytest.mark.parametrize(
    ("spoil", "answer"),
    [
        (lambda parts: [], ("INVALID_ARGUMENT", "SEQUENCE")),
        (lambda parts: parts[:1], ("INVALID_ARGUMENT", "SEQUENCE")),
        (lambda parts: parts[1:], ("INVALID_ARGUMENT", "SEQUENCE")),
        (lambda parts: [parts[0], *parts], ("INVALID_ARGUMENT", "SEQUENCE")),
        (lambda parts: [*parts, parts[-1]], ("FAILED_PRECONDITION", "SNAPSHOT_INVALID")),
    ],
    ids=["nothing", "no batch", "no base", "two bases", "a reference twice"],
)
def test_enrolment_out_of_order_is_refused(store, template, digests, spoil, answer):
    parts = spoil(list(enrolment(template[1], 1, 2, b"p" * 16)))

    assert refused(store, lambda stub: stub.EnrollReferences(iter(parts), timeout=5), "curator") == answer
    assert store.open_active().manifest.digest == digests[0]


def test_references_made_with_another_model_are_refused(store, template):
    parts = list(enrolment(template[1], 1, 1, b"p" * 16, retrieval_model_digest="other"))
    answer = refused(store, lambda stub: stub.EnrollReferences(iter(parts), timeout=5), "curator")

    assert answer == ("FAILED_PRECONDITION", "VERSION_MISMATCH")


def certified_state(store, tmp_path):
    signing_key(tmp_path)
    return IndexState(store, EngineName.MATRIX, read_public_key(tmp_path / "signing.pub"))


def certify(store, digest, tmp_path, **more):
    content = certificate(tmp_path, {"snapshot": digest, **more})
    (store.open(digest).path / CERTIFICATE).write_bytes(content)
    return content


def test_snapshot_is_activated_together_with_its_certificate_or_not_at_all(store, digests, tmp_path):
    before = certify(store, digests[0], tmp_path)
    state = certified_state(store, tmp_path)

    with pytest.raises(CertificateError, match="calibrate first"):
        asyncio.run(state.activate(digests[1]))
    shutil.copy(store.open(digests[0]).path / CERTIFICATE, store.open(digests[1]).path)
    with pytest.raises(CertificateError, match="for another"):
        asyncio.run(state.activate(digests[1]))
    assert (state.active.certificate, store.open_active().manifest.digest) == (before, digests[0])

    after = certify(store, digests[1], tmp_path)
    assert asyncio.run(state.activate(digests[1])).certificate == after


def test_index_does_not_start_on_a_snapshot_whose_certificate_is_over(store, digests, tmp_path):
    over = certificate(tmp_path, {"snapshot": digests[0]}, datetime.now(UTC) - timedelta(seconds=1))
    (store.open(digests[0]).path / CERTIFICATE).write_bytes(over)

    with pytest.raises(CertificateError, match="expired on"):
        certified_state(store, tmp_path)


def test_gates_are_given_the_certificate_and_the_new_one_when_a_snapshot_is_activated_anew(store, digests, tmp_path):
    first = certify(store, digests[0], tmp_path)

    async def go():
        async with index(store, "curator") as (stub, _):
            told = [(await stub.GetIndex(pb.GetIndexRequest())).index.certificate]
            second = certify(store, digests[0], tmp_path, candidates=3)
            await stub.ActivateSnapshot(pb.ActivateSnapshotRequest(index_digest=digests[0]))
            told.append((await stub.GetIndex(pb.GetIndexRequest())).index.certificate)
            return told == [first, second]

    assert asyncio.run(go())
