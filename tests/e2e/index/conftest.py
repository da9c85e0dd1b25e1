"""Two snapshots, and a store of its own for each test."""

import shutil

import pytest
from support.random_snapshots import write_snapshot

from cxrgate.index.store import SnapshotStore


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """Their folder and both; nothing changes them."""
    folder = tmp_path_factory.mktemp("store")
    return folder, write_snapshot(folder / "first", seed=0), write_snapshot(folder / "second", seed=5)


@pytest.fixture
def store(template, tmp_path):
    """A store of two snapshots, the first active."""
    folder, first, _ = template
    shutil.copytree(folder, tmp_path / "store")
    found = SnapshotStore(tmp_path / "store")
    found.activate(first)
    return found


@pytest.fixture
def digests(template):
    return [snapshot.manifest.digest for snapshot in template[1:]]
