import asyncio

import pytest
from support.fake_gate import Stages
from support.fakes import POLICY

from cxrgate.core import CallRefused, SnapshotCorrupt
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
