"""What a gate says while its index is away."""

import asyncio
import logging
import socket
import time
from itertools import pairwise
from types import SimpleNamespace

import pytest
from support.grpc_servers import channel

from cxrgate.gate import following as module
from cxrgate.gate.following import FollowingGate
from cxrgate.serving.address import free_port


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass by themselves alone."""
    passed = [1000.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: passed[0]))
    return passed


def test_a_lost_index_is_told_with_its_reason_and_ever_more_seldom(clock, caplog):
    async def look(times, step):
        async with channel(f"127.0.0.1:{free_port('127.0.0.1')}", "gate") as opened:
            gate = FollowingGate(opened, binder=None, decoder=None)
            for _ in range(times):
                assert await gate.refresh() is False
                clock[0] += step

    with caplog.at_level(logging.WARNING, "cxrgate"):
        asyncio.run(look(times=100, step=1.7))

    told = [record.args for record in caplog.records if record.msg == "gate.index_lost"]
    assert {each["reason"] for each in told} == {"the index does not answer: UNAVAILABLE"}
    assert [each["seconds"] for each in told][:3] == [0, 3, 7]
    assert 5 < len(told) < 20  # of 100 looks in 170 s
    assert max(after["seconds"] - before["seconds"] for before, after in pairwise(told)) < 2 * module._REMIND_SECONDS


def test_a_look_is_given_up_before_a_frozen_index_would_be_noticed_otherwise():
    """A port whose connections nobody takes up, as that of a process that stands still."""

    async def look(port):
        async with channel(f"127.0.0.1:{port}", "gate") as opened:
            begun = time.monotonic()
            assert await FollowingGate(opened, binder=None, decoder=None).refresh() is False
            return time.monotonic() - begun

    with socket.create_server(("127.0.0.1", 0)) as frozen:
        assert asyncio.run(look(frozen.getsockname()[1])) < module.LOOK_SECONDS + 1
