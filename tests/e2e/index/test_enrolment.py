import numpy as np
import pytest
from support.index_calls import refused, run
from support.random_snapshots import matrix, random_keypoints, write_snapshot

from cxrgate.api.index.v1 import index_service_pb2 as pb
from cxrgate.core.keypoints import METHOD, ROW_BYTES
from cxrgate.index import PartName
from cxrgate.index.store import SnapshotStore


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


def keeping(parts, *rows):
    """The messages, with these rows of keypoints in their batches."""
    for part, row in zip(parts[1:], rows, strict=True):
        part.batch.keypoints = row
    return parts


@pytest.fixture
def matched(tmp_path):
    write_snapshot(tmp_path / "matched" / "snapshot", keypoints=True)
    return SnapshotStore(tmp_path / "matched")


def test_references_are_added_with_their_keypoints(matched):
    row = random_keypoints(np.random.default_rng(0))
    base = matched.open_active()
    parts = keeping(list(enrolment(base, 1, 1, b"p" * 16, match_method=METHOD)), row.tobytes())
    made = run(matched, lambda stub: stub.EnrollReferences(iter(parts), timeout=10), "curator").index

    assert np.array_equal(matched.open(made.digest).parts[PartName.KEYPOINTS].arrays["rows"][-1], row)


@pytest.mark.parametrize(
    ("method", "rows", "answer"),
    [
        ("", b"", ("FAILED_PRECONDITION", "VERSION_MISMATCH")),
        ("another", bytes(ROW_BYTES), ("FAILED_PRECONDITION", "VERSION_MISMATCH")),
        (METHOD, b"", ("INVALID_ARGUMENT", "KEYPOINTS")),
        (METHOD, bytes(7), ("INVALID_ARGUMENT", "DIMENSION_MISMATCH")),
    ],
)
def test_references_without_their_keypoints_are_refused(matched, method, rows, answer):
    parts = keeping(list(enrolment(matched.open_active(), 1, 1, b"p" * 16, match_method=method)), rows)

    assert refused(matched, lambda stub: stub.EnrollReferences(iter(parts), timeout=5), "curator") == answer


def test_keypoints_for_a_base_that_keeps_none_are_refused(store, template):
    parts = keeping(list(enrolment(template[1], 1, 1, b"p" * 16)), bytes(ROW_BYTES))
    code = refused(store, lambda stub: stub.EnrollReferences(iter(parts), timeout=5), "curator")

    assert code == ("INVALID_ARGUMENT", "KEYPOINTS")
