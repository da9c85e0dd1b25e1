"""A verification model of the retrieval model's embedding: half the forwards, and the same outcome."""

import asyncio
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from support.fakes import evidence, images
from support.image_sets import tree, write_config, write_sets
from support.oip_server import OipServer, served
from support.one_embedding import save_one_embedding

from cxrgate.core.shipped import shipped_models
from cxrgate.gate import local
from cxrgate.gate.config import ModelFolders, read_config
from cxrgate.gate.opening import Services, open_models
from cxrgate.index import Snapshot
from cxrgate.models.runtimes.forward import open_forward
from cxrgate.models.runtimes.openvino.forward import OpenVinoForward
from cxrgate.models.verifier import IdentityVerifier
from cxrgate.run.run import run

POLICY = "{score_threshold: 0.9, minimum_typicality: -1, minimum_frontality: null}"


def ran(folder, name, counts, monkeypatch):
    """The summary, the snapshot and the images that were computed, of a run with a snapshot of its own."""
    start = OpenVinoForward.start

    def counted(self, pixels):
        counts[name] += len(pixels)
        return start(self, pixels)

    with monkeypatch.context() as patch:
        patch.setattr(OpenVinoForward, "start", counted)
        config = read_config(write_config(folder, folder / name, 4, snapshot=f"snapshot-{name}", policy=POLICY))
        summary = run(config)
    return summary, Snapshot.open(config.snapshot)


@pytest.fixture
def both(tmp_path, monkeypatch):
    """As it is, and with each model computing for itself."""
    write_sets(tmp_path)
    save_one_embedding(tmp_path / "models")
    counts = Counter()
    shared = ran(tmp_path, "shared", counts, monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(local, "borrowed_head", lambda *_: None)
        apart = ran(tmp_path, "apart", counts, monkeypatch)
    return tmp_path, shared, apart, counts


def test_half_the_forwards_give_the_same_decisions_files_and_snapshot(both):
    folder, (shared, one), (apart, other), counts = both

    assert counts["apart"] == 2 * counts["shared"] > 0
    assert shared.results["decision"].nunique() == 3
    assert shared.results["decision"].tolist() == apart.results["decision"].tolist()
    assert shared.results["score"].equals(apart.results["score"])
    files = [
        {name: content for name, content in tree(folder / name / "released").items() if name.endswith(".png")}
        for name in ("shared", "apart")
    ]
    assert files[0]
    assert files[0] == files[1]
    for name in ("identity", "features"):
        assert np.array_equal(np.asarray(one.arrays[name]), np.asarray(other.arrays[name]))
    assert np.array_equal(np.asarray(one.features), np.asarray(one.identity))


def test_the_shipped_models_are_such_a_pair():
    with local.local_models(ModelFolders.of(shipped_models()), "cpu") as models:
        assert isinstance(models.verifier, IdentityVerifier)


def test_a_model_server_is_not_asked_for_what_it_has_said(tmp_path):
    """It need not even serve the verification model."""
    save_one_embedding(tmp_path)
    folders, some = ModelFolders(retrieval=tmp_path / "retrieval", verification=tmp_path / "verification"), images(3)
    forward = open_forward(tmp_path / "verification")
    stored = forward([image.pixels for image in images(3, 3)])
    candidates = [replace(evidence(image_id=image.image_id).candidates, features=stored) for image in some]
    server = OipServer(open_forward(tmp_path / "retrieval"))

    async def checked():
        async with served(server) as address, open_models(folders, "cpu", Services(f"oip://{address}")) as models:
            server.batches.clear()
            described = asyncio.ensure_future(models.embedder.embed(some))
            found = await models.verifier.begin(some, described).verify(some, candidates)
            return found, await models.are_healthy()

    found, healthy = asyncio.run(checked())

    assert healthy
    assert server.batches == [3]
    own = forward([image.pixels for image in some])
    for item, row in zip(found, own, strict=True):
        assert np.array_equal(item.scores, forward.head.score(row, stored))
