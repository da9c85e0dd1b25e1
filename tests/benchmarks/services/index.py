"""FindNeighbors of the index service, as a process with mTLS, beside the same search in this process.

The snapshot has ChestX-ray14's size and random rows; k is 3 in both spaces, and the gate gets the candidates' stored
features. Rounds alternate, so that other load meets both. A ratio is queries per second over those in process.
"""

import asyncio
import statistics
import time

import numpy as np
from support.service_process import INDEX, Process

from cxrgate.api.index.v1 import index_service_pb2_grpc as stubs
from cxrgate.core import Descriptors
from cxrgate.index import EngineName, Snapshot
from cxrgate.index.array_files import array_path, describe_array
from cxrgate.index.keys import ID_BYTES
from cxrgate.index.manifest import ARRAYS, SnapshotManifest, write_manifest
from cxrgate.index.search import LocalSearcher
from cxrgate.index.service.codec import from_neighbors, to_query
from cxrgate.rpc.channel import Identity, open_aio_channel
from cxrgate.rpc.development_ca import write_development_certificates

REFERENCES = 112_120
WIDTHS = {"identity": 128, "features": 128, "copy": 256}
K = 3
BATCHES = {1: 60, 256: 3}
"""Queries per call, and calls per round."""


def write_snapshot(folder, references):
    """Random unit rows."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for name, width in WIDTHS.items():
        rows = rng.standard_normal((references, width), np.float32)
        np.save(array_path(folder, name), rows / np.linalg.norm(rows, axis=1, keepdims=True))
    ids = np.arange(references * ID_BYTES, dtype=np.uint64).astype(np.uint8).reshape(references, ID_BYTES)
    ids[:, :8] = np.arange(references, dtype=">u8").view(np.uint8).reshape(references, 8)
    for name in ("reference_ids", "patient_keys"):
        np.save(array_path(folder, name), ids)
    np.save(array_path(folder, "mean_layout"), np.eye(1, 64, dtype=np.float32)[0])
    arrays = {name: describe_array(folder, name) for name in ARRAYS}
    write_manifest(folder, SnapshotManifest(references, references, 0, "a", "b", "c", "d", arrays))


def queries(count):
    rng = np.random.default_rng(1)
    rows = [rng.standard_normal(width).astype(np.float32) for width in (128, 256, 64) for _ in range(count)]
    rows = [row / np.linalg.norm(row) for row in rows]
    parts = zip(rows[:count], rows[count : 2 * count], rows[2 * count :], strict=True)
    return [Descriptors(str(n), {"identity": a, "copy": b}, layout) for n, (a, b, layout) in enumerate(parts)]


async def rate(search, asked, calls):
    """Queries per second."""
    begun = time.perf_counter()
    for _ in range(calls):
        found = await search(asked)
    assert len(found) == len(asked)
    return calls * len(asked) / (time.perf_counter() - begun)


async def compare(address, identity, snapshot, rounds):
    local = LocalSearcher(snapshot, K, EngineName.CODES)
    figures = {}
    async with open_aio_channel(address, identity) as channel:
        stub = stubs.IndexServiceStub(channel)

        async def remote(asked):
            answer = await stub.FindNeighbors(to_query(asked, K, ""), timeout=60)
            return [from_neighbors(query, item) for query, item in zip(asked, answer.results, strict=True)]

        for size, calls in BATCHES.items():
            asked = queries(size)
            near, far = [], []
            for _ in range(rounds + 1):  # the first warms up
                near.append(await rate(local.search, asked, calls))
                far.append(await rate(remote, asked, calls))
            ratios = [a / b for a, b in zip(far[1:], near[1:], strict=True)]
            figures[f"find_neighbors_batch_{size}_over_in_process"] = statistics.median(ratios)
            figures[f"find_neighbors_batch_{size}_queries_per_second"] = statistics.median(far[1:])
    return figures


def find_neighbors(folder, rounds=5, references=REFERENCES):
    """The figures."""
    write_snapshot(folder / "store" / "first", references)
    identities = {f"spiffe://cxrgate/{name}": name for name in ("index", "gate", "monitor")}
    write_development_certificates(folder / "certificates", identities, ("localhost", "127.0.0.1"))
    process = Process("index", INDEX, folder, ["cxrgate.cli", "serve", "index", folder / "store"])
    process.start()
    try:
        process.wait()
        gate = Identity.read(folder / "certificates" / "gate")
        return asyncio.run(compare(process.address, gate, Snapshot.open(folder / "store" / "first"), rounds))
    finally:
        process.stop()
