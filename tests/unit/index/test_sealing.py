import asyncio
import shutil

import numpy as np
import pytest
from support.random_snapshots import queries, write_snapshot

from cxrgate.core import SnapshotCorrupt, SnapshotError
from cxrgate.index import EngineName, Snapshot
from cxrgate.index.changes import change_snapshot
from cxrgate.index.manifest import ARRAYS, MANIFEST
from cxrgate.index.sealing import seal_snapshot
from cxrgate.index.search import LocalSearcher
from cxrgate.index.store import SnapshotStore
from cxrgate.storage import rewrap, wrapped_keys

KEY, OTHER = bytes(32), bytes(31) + b"1"


@pytest.fixture
def plain(tmp_path):
    return write_snapshot(tmp_path / "plain")


@pytest.fixture
def sealed(tmp_path):
    return write_snapshot(tmp_path / "sealed", storage_key=KEY)


def on_disk(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_sealed_or_not_a_snapshot_has_the_same_digest_arrays_and_candidates(plain, sealed):
    opened = Snapshot.open(sealed.path, KEY)
    opened.verify()

    assert opened.manifest.digest == plain.manifest.digest
    assert all(np.array_equal(opened.arrays[name], plain.arrays[name]) for name in ARRAYS)
    searchers = [LocalSearcher(snapshot, 3, EngineName.MATRIX) for snapshot in (plain, opened)]
    first, second = (asyncio.run(searcher.search(queries(4))) for searcher in searchers)
    assert [item.reference_ids for item in first] == [item.reference_ids for item in second]


def test_no_number_and_no_id_of_it_lies_on_the_disk(plain, sealed):
    content = on_disk(sealed.path)

    assert plain.identity[0].tobytes() in on_disk(plain.path)
    for name in ARRAYS:
        rows = np.atleast_2d(plain.arrays[name])
        assert not [row for row in rows if row.tobytes()[:16] in content]


@pytest.mark.parametrize("key", [None, OTHER])
def test_without_its_key_it_does_not_open(sealed, key):
    with pytest.raises(SnapshotError, match="storage key"):
        Snapshot.open(sealed.path, key)


def test_where_a_key_is_given_a_snapshot_that_is_not_sealed_is_refused(plain):
    """Else whoever can write to the volume could put another one in its place."""
    with pytest.raises(SnapshotError, match="is not sealed"):
        Snapshot.open(plain.path, KEY)


@pytest.mark.parametrize("place", [*ARRAYS, "manifest"])
def test_one_flipped_bit_is_refused(sealed, place):
    path = next(sealed.path.glob(f"{place}*.sealed"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises(SnapshotCorrupt):
        Snapshot.open(sealed.path, KEY)


def test_a_manifest_or_an_array_of_another_snapshot_is_refused(tmp_path, sealed):
    other = write_snapshot(tmp_path / "other", seed=1, storage_key=KEY)
    for name in (MANIFEST, "identity.npy.sealed"):
        folder = tmp_path / f"with {name}"
        shutil.copytree(sealed.path, folder)
        shutil.copyfile(other.path / name, folder / name)
        with pytest.raises(SnapshotCorrupt):
            Snapshot.open(folder, KEY)


def test_what_is_made_from_a_sealed_snapshot_is_sealed(tmp_path, sealed, plain):
    gone = sealed.patient_keys[0].tobytes()

    fewer = change_snapshot(sealed, tmp_path / "fewer", {gone})

    assert fewer.manifest.digest == change_snapshot(plain, tmp_path / "plain fewer", {gone}).manifest.digest
    assert not [name for name in ARRAYS if (fewer.path / f"{name}.npy").exists()]
    assert Snapshot.open(fewer.path, KEY).manifest.patients == 14


def test_a_plain_snapshot_is_sealed_with_its_certificate(tmp_path, plain):
    (plain.path / "certificate.json").write_bytes(b"signed")

    made = seal_snapshot(plain, tmp_path / "sealed", KEY)

    assert made.manifest == plain.manifest
    assert (made.path / "certificate.json").read_bytes() == b"signed"


def test_after_a_change_of_the_storage_key_the_store_opens_with_the_new_one_alone(tmp_path):
    first = write_snapshot(tmp_path / "store" / "a", storage_key=KEY)
    write_snapshot(tmp_path / "store" / "b", seed=1, storage_key=KEY)
    SnapshotStore(tmp_path / "store", KEY).activate(first)

    assert [rewrap(path, KEY, OTHER) for path in wrapped_keys(tmp_path / "store")] == [True, True]

    assert SnapshotStore(tmp_path / "store", OTHER).open_active().manifest.digest == first.manifest.digest
    with pytest.raises(SnapshotError):
        SnapshotStore(tmp_path / "store", KEY).open_active()


def test_a_backup_is_a_copy_and_a_restored_one_opens_under_its_digest(tmp_path, sealed):
    """As the operations page says: copy the folder, keep the key elsewhere; restore under another name, rename."""
    shutil.copytree(sealed.path, tmp_path / "backup")
    shutil.rmtree(sealed.path)
    store = tmp_path / "store"
    shutil.copytree(tmp_path / "backup", store / "restored.partial")
    assert Snapshot.open(store / "restored.partial", KEY).manifest.digest == sealed.manifest.digest

    (store / "restored.partial").rename(store / "restored")

    assert SnapshotStore(store, KEY).open(sealed.manifest.digest).manifest == sealed.manifest
