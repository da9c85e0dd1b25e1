import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from support.fake_gate import Stages
from support.fakes import POLICY

from cxrgate.certification.certificate import Certificate
from cxrgate.core import CallRefused, CertificateError, SnapshotCorrupt
from cxrgate.gate import gates
from cxrgate.gate.gates import FixedGate
from cxrgate.gate.pipeline import Gate


def test_a_gate_whose_references_were_changed_answers_nothing_more(monkeypatch):
    def changed():
        raise SnapshotCorrupt("copy.npy")

    monkeypatch.setattr(gates, "PROOF_SECONDS", 0)
    fixed = FixedGate(Gate(*[Stages()] * 4, POLICY, check_index=changed))
    assert fixed.current()

    assert not asyncio.run(fixed.refresh())
    with pytest.raises(CallRefused) as refused:
        fixed.current()
    assert (refused.value.code, refused.value.reason) == ("DATA_LOSS", "SNAPSHOT_CORRUPT")


def test_a_gate_whose_references_hold_stays(monkeypatch):
    monkeypatch.setattr(gates, "PROOF_SECONDS", 0)
    fixed = FixedGate(Gate(*[Stages()] * 4, POLICY))

    assert asyncio.run(fixed.refresh())
    assert fixed.current()


def test_references_are_not_read_again_at_every_look():
    read = []
    fixed = FixedGate(Gate(*[Stages()] * 4, POLICY, check_index=lambda: read.append(1)))

    assert asyncio.run(fixed.refresh())
    assert read == []


def test_a_gate_tells_until_when_it_is_certified_and_is_not_in_force_after_that():
    now = [datetime(2026, 11, 29, tzinfo=UTC)]
    certificate = Certificate("digest", {}, now[0] + timedelta(days=1), {})
    fixed = FixedGate(Gate(*[Stages()] * 4, POLICY, certificate=certificate, now=lambda: now[0]), {"references": 3})

    assert (fixed.certified_until(), fixed.describe()) == (certificate.expires, {"references": 3})
    assert asyncio.run(fixed.refresh())
    now[0] = certificate.expires
    assert not asyncio.run(fixed.refresh())
    with pytest.raises(CertificateError):
        fixed.current()


def test_a_gate_without_a_certificate_is_certified_until_nothing():
    assert FixedGate(Gate(*[Stages()] * 4, POLICY)).certified_until() is None
