"""Where models and index answer: what is asked for before anything is opened, and an index that is not there."""

import asyncio
import socket

import pytest
from support.grpc_servers import ROLES

from cxrgate.core import SnapshotError, UsageError
from cxrgate.gate.config import ModelFolders, RunConfig
from cxrgate.gate.opening import IN_THIS_PROCESS, Services, open_gate, open_gates
from cxrgate.rpc.development_ca import write_development_certificates


def config(folder):
    folders = ModelFolders(retrieval=folder, verification=folder)
    return RunConfig(synthetic=folder, output=folder, snapshot=folder / "none", models=folders)


@pytest.fixture(scope="module")
def away(tmp_path_factory):
    """An index service that does not listen."""
    folder = tmp_path_factory.mktemp("opening") / "certificates"
    write_development_certificates(folder, ROLES.identities, ("localhost", "127.0.0.1"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return Services(index=f"127.0.0.1:{port}", tls_identity=folder / "gate")


def test_an_index_service_asks_for_the_gates_identity():
    with pytest.raises(UsageError, match="--certificates"):
        Services(index="127.0.0.1:7443")


def test_a_run_ends_where_the_index_does_not_answer_and_its_address_is_named(tmp_path, away):
    async def call():
        async with open_gate(config(tmp_path), None, away):
            raise AssertionError

    with pytest.raises(SnapshotError, match=away.index):
        asyncio.run(call())


def test_a_service_waits_for_an_index_that_does_not_answer_yet(tmp_path, away):
    async def call():
        async with open_gates(config(tmp_path), None, away) as gates:
            return await gates.refresh()

    assert asyncio.run(call()) is False


def test_without_a_snapshot_nothing_is_opened(tmp_path):
    async def call():
        async with open_gate(config(tmp_path), None, IN_THIS_PROCESS):
            raise AssertionError

    with pytest.raises(SnapshotError):
        asyncio.run(call())
