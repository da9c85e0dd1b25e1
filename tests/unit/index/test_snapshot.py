import json
import resource
import time
from pathlib import Path

import numpy as np
import pytest
from support.random_snapshots import write_snapshot
from support.zero_snapshots import write_zeros

from cxrgate.core import SnapshotCorrupt, SnapshotError
from cxrgate.index import Snapshot
from cxrgate.index.array_files import array_path
from cxrgate.index.manifest import ARRAYS, MANIFEST, read_manifest, write_manifest
from cxrgate.index.sealing import seal_snapshot

LARGE = ("identity", "features", "copy", "reference_ids", "patient_keys")


@pytest.fixture
def folder(tmp_path):
    return write_zeros(tmp_path / "snapshot", 5)


def resident():
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def test_a_million_references_open_in_under_a_second_and_stay_on_the_disk(tmp_path):
    folder = write_zeros(tmp_path / "snapshot", 1_000_000, digests=False)
    before, start = resident(), time.perf_counter()
    snapshot = Snapshot.open(folder)
    seconds = time.perf_counter() - start

    assert seconds < 1
    assert resident() - before < 20 * 2**20
    assert all(isinstance(snapshot.arrays[name], np.memmap) for name in LARGE)
    assert snapshot.features.shape == (1_000_000, 128)


def test_an_open_snapshot_cannot_be_changed(folder):
    snapshot = Snapshot.open(folder)

    for name in ARRAYS:
        with pytest.raises(ValueError, match="read-only"):
            snapshot.arrays[name][0] = 1


def test_an_untouched_snapshot_is_verified(folder):
    Snapshot.open(folder).verify()


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("place", [0, -1])
def test_one_flipped_bit_is_found(folder, name, place):
    path = array_path(folder, name)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)

    with pytest.raises(SnapshotCorrupt, match=name):
        Snapshot.open(folder).verify()


def overwrite(folder, name):
    """Write other content into the very file, as `cp` and `rsync --inplace` do."""
    path = array_path(folder, name)
    size = path.stat().st_size
    with path.open("rb+") as file:
        file.seek(128)
        file.write(b"\x01" * (size - 128))


def test_a_snapshot_in_memory_is_not_changed_by_who_writes_into_its_files(folder):
    snapshot = Snapshot.open(folder).in_memory()
    before = {name: snapshot.arrays[name].tobytes() for name in ARRAYS}
    for name in ARRAYS:
        overwrite(folder, name)

    assert not snapshot.is_mapped
    assert {name: snapshot.arrays[name].tobytes() for name in ARRAYS} == before
    snapshot.verify()
    for name in ARRAYS:
        with pytest.raises(ValueError, match="read-only"):
            snapshot.arrays[name][0] = 1


@pytest.mark.parametrize("name", ARRAYS)
def test_what_was_changed_before_it_is_read_into_memory_is_found(tmp_path, name):
    snapshot = write_snapshot(tmp_path / "snapshot")
    overwrite(snapshot.path, name)

    with pytest.raises(SnapshotCorrupt, match=name):
        snapshot.in_memory()


def test_arrays_with_the_same_content_are_read_and_held_once(folder, tmp_path, monkeypatch):
    plain = Snapshot.open(folder)  # of zeros, the features as wide as the embeddings
    key = bytes(32)
    seal_snapshot(plain, tmp_path / "sealed", key)
    entries = plain.manifest.files
    assert entries["features"] == entries["identity"]
    # Room for one of both, and for everything else.
    every = sum(plain.arrays[name].nbytes for name in ARRAYS)
    monkeypatch.setattr("cxrgate.index.snapshot.free_memory", lambda: 2 * every - 1)

    for snapshot in (plain.in_memory(), Snapshot.open(tmp_path / "sealed", key)):
        assert not snapshot.is_mapped
        assert np.shares_memory(snapshot.features, snapshot.identity)


def test_arrays_of_one_shape_with_another_content_are_held_apart(tmp_path):
    snapshot = write_snapshot(tmp_path / "snapshot").in_memory()
    ids, keys = snapshot.reference_ids, snapshot.patient_keys

    assert ids.shape == keys.shape
    assert not np.shares_memory(ids, keys)
    assert not np.array_equal(ids, keys)


def test_a_snapshot_that_does_not_fit_stays_mapped_and_can_be_asked_again(folder, monkeypatch):
    monkeypatch.setattr("cxrgate.index.snapshot.free_memory", lambda: 100)
    snapshot = Snapshot.open(folder).in_memory()
    assert snapshot.is_mapped
    overwrite(folder, "copy")

    with pytest.raises(SnapshotCorrupt, match="copy"):
        snapshot.verify()


def test_what_is_no_snapshot_is_refused(tmp_path):
    with pytest.raises(SnapshotError, match=r"manifest\.json"):
        Snapshot.open(tmp_path)


@pytest.mark.parametrize(
    "content",
    ["", "no JSON", "[]", "null", "{}", '{"format": 1}', '{"format": 1, "digest": "0", "arrays": {"identity": 3}}'],
)
def test_a_manifest_that_is_none_is_corrupt(folder, content):
    (folder / MANIFEST).write_text(content)

    with pytest.raises(SnapshotCorrupt, match="manifest"):
        Snapshot.open(folder)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"format": 2}, SnapshotError),
        ({"digest": "0" * 64}, SnapshotCorrupt),
        ({"references": 4}, SnapshotCorrupt),
        ({"retrieval": "another model"}, SnapshotCorrupt),
        ({"copy_method": "another method"}, SnapshotCorrupt),
        ({"surplus": 1}, SnapshotCorrupt),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_manifest_that_was_edited_is_refused(folder, change, error):
    value = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**value, **change}))

    with pytest.raises(error):
        Snapshot.open(folder)


def test_a_manifest_without_one_of_the_arrays_is_refused(folder):
    manifest = read_manifest(folder)
    manifest.arrays.pop("patient_keys")
    write_manifest(folder, manifest)

    with pytest.raises(SnapshotCorrupt):
        Snapshot.open(folder)


ZEROS = np.zeros((5, 128), np.float32)


@pytest.mark.parametrize(
    "array",
    [ZEROS[:4], ZEROS[:, :64], ZEROS.ravel(), ZEROS.astype(np.float64), ZEROS.astype(">f4"), ZEROS.astype(np.int32)],
    ids=["fewer", "narrower", "flat", "float64", "big-endian", "int32"],
)
def test_an_array_of_another_kind_is_refused_on_opening(folder, array):
    np.save(array_path(folder, "features"), array)

    with pytest.raises(SnapshotCorrupt, match="features"):
        Snapshot.open(folder)


@pytest.mark.parametrize("length", [0, 5, 100, -1])
def test_a_cut_array_is_refused_on_opening(folder, length):
    path = array_path(folder, "identity")
    path.write_bytes(path.read_bytes()[:length])

    with pytest.raises(SnapshotCorrupt, match="identity"):
        Snapshot.open(folder)


def test_a_missing_array_is_refused_on_opening(folder):
    array_path(folder, "copy").unlink()

    with pytest.raises(SnapshotCorrupt, match="copy"):
        Snapshot.open(folder)


def test_nothing_is_unpickled(folder):
    np.save(array_path(folder, "mean_layout"), np.array([print], dtype=object), allow_pickle=True)

    with pytest.raises(SnapshotCorrupt, match="mean_layout"):
        Snapshot.open(folder)
