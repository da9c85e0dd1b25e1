"""What a served index holds beside its snapshot: a real process."""

import asyncio

import numpy as np
import psutil
import pytest
from support.grpc_servers import ROLES_FILE
from support.random_snapshots import descriptors, write_snapshot
from support.service_process import INDEX, Process
from typer.testing import CliRunner

from cxrgate.api.index.v1 import index_service_pb2_grpc as stubs
from cxrgate.cli.main import app
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.index.service.codec import to_query
from cxrgate.index.store import SnapshotStore
from cxrgate.rpc.channel import Identity, open_aio_channel

MOST_BYTES = 200 * 2**20
"""Half as much again as it takes; torch alone takes more."""


async def searched(address, folder, snapshot):
    """Ask it once: what a search needs is loaded then."""
    async with open_aio_channel(address, Identity.read(folder / "certificates" / "gate")) as channel:
        request = to_query([descriptors("a", np.random.default_rng(1))], 5, snapshot.manifest.digest, COSINE_SPACES)
        await stubs.IndexServiceStub(channel).FindNeighbors(request, timeout=20)


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    folder = tmp_path_factory.mktemp("footprint")
    snapshot = write_snapshot(folder / "store" / "first")
    SnapshotStore(folder / "store").activate(snapshot)
    made = CliRunner().invoke(app, ["certs", str(folder / "certificates"), "--roles", str(ROLES_FILE)])
    assert made.exit_code == 0, made.output
    command = ["cxrgate.cli", "serve", "index", folder / "store"]
    with Process("index", INDEX, folder, command).started() as running:
        asyncio.run(searched(running.address, folder, snapshot))
        yield psutil.Process(running.running.pid)


def test_no_library_of_models_is_mapped(process):
    mapped = {item.path for item in process.memory_maps()}

    assert any("grpc" in path for path in mapped)
    assert [path for path in mapped if any(name in path for name in ("torch", "openvino", "pyarrow", "pandas"))] == []


def test_it_takes_little_memory(process):
    assert process.memory_info().rss < MOST_BYTES
