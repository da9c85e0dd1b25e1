"""An index that activates a snapshot only together with its certificate."""

import asyncio
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from support.certified_gate import certificate, signing_key
from support.index_calls import index

from cxrgate.api.index.v1 import index_service_pb2 as pb
from cxrgate.certification import CERTIFICATE, read_public_key
from cxrgate.core import CertificateError
from cxrgate.index import EngineName
from cxrgate.index.service.state import IndexState


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
