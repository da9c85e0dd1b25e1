"""Who writes into a snapshot's files under a running gate, with `cp` or `rsync --inplace`, hides no enrolled image."""

import asyncio
import shutil

import numpy as np
import pytest
from support.random_snapshots import descriptors, write_snapshot

from cxrgate.core import SnapshotCorrupt
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.index import Snapshot
from cxrgate.index.engines.engine import EngineName
from cxrgate.index.search import LocalSearcher
from cxrgate.index.service.state import IndexState
from cxrgate.index.store import SnapshotStore

COUNT = 20


def enrolled():
    """The descriptors that the snapshot of seed 0 was made of."""
    rng = np.random.default_rng(0)
    return [descriptors(str(number), rng) for number in range(COUNT)]


def overwrite(folder, other):
    """Put another snapshot's arrays into the very files."""
    for path in other.glob("*.npy"):
        with path.open("rb") as source, (folder / path.name).open("rb+") as target:
            shutil.copyfileobj(source, target)


def found(candidates):
    return [
        float(item.distances.min()) < 1e-6 and float(item.similarities["copy"].max()) > 0.999 for item in candidates
    ]


@pytest.fixture
def folders(tmp_path):
    (tmp_path / "store").mkdir()
    write_snapshot(tmp_path / "store/snapshot", 0, COUNT)
    write_snapshot(tmp_path / "other", 7, COUNT)
    return tmp_path / "store/snapshot", tmp_path / "other"


@pytest.mark.parametrize("engine", list(EngineName))
def test_a_searcher_over_a_snapshot_in_memory_finds_what_is_enrolled(folders, engine):
    searcher = LocalSearcher(Snapshot.open(folders[0]).in_memory(), 3, engine)
    overwrite(*folders)

    assert found(asyncio.run(searcher.search(enrolled()))) == [True] * COUNT


def test_the_index_service_goes_on_finding_it(folders):
    async def ask():
        state = IndexState(SnapshotStore(folders[0].parent), EngineName.MATRIX)
        overwrite(*folders)
        await state.prove()
        return await state.active.search(enrolled(), 3, COSINE_SPACES)

    assert found(asyncio.run(ask())) == [True] * COUNT


def test_an_index_that_cannot_hold_it_in_memory_stops_answering(folders, monkeypatch):
    monkeypatch.setattr("cxrgate.index.snapshot.free_memory", lambda: 0)

    async def ask():
        state = IndexState(SnapshotStore(folders[0].parent), EngineName.MATRIX)
        overwrite(*folders)
        with pytest.raises(SnapshotCorrupt):
            await state.prove()
        state.pinned("")

    with pytest.raises(Exception, match="changed under the service") as refused:
        asyncio.run(ask())
    assert (refused.value.code, refused.value.reason) == ("DATA_LOSS", "SNAPSHOT_CORRUPT")
