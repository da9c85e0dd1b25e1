import numpy as np
from support.index_calls import refused, run

from cxrgate.api.index.v1 import index_service_pb2 as pb
from cxrgate.index import Snapshot


def withdraw(patients):
    async def call(stub):
        request = pb.WithdrawPatientsRequest(patient_keys=patients)
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
