import asyncio
import dataclasses

import numpy as np
import pytest
from support.random_snapshots import queries, write_snapshot

from cxrgate.core import SnapshotCorrupt
from cxrgate.core.spaces import IDENTITY
from cxrgate.index import EngineName, Snapshot
from cxrgate.index.changes import change_snapshot
from cxrgate.index.engines.coded.codes import encode
from cxrgate.index.manifest import PartName
from cxrgate.index.sealing import seal_snapshot
from cxrgate.index.search import LocalSearcher
from cxrgate.index.space_codes import part_name, stored_codes

KEY = bytes(32)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Let small snapshots have codes, too."""
    monkeypatch.setattr("cxrgate.index.space_codes.FEW", 20)


@pytest.fixture
def snapshot(tmp_path):
    return write_snapshot(tmp_path / "snapshot")


def found(snapshot, engine):
    return asyncio.run(LocalSearcher(snapshot, 3, engine).search(queries(5)))


def assert_same(first, second):
    for one, other in zip(first, second, strict=True):
        assert one.reference_ids == other.reference_ids
        assert np.array_equal(one.distances, other.distances)
        assert np.array_equal(one.similarities["copy"], other.similarities["copy"])


def test_a_snapshot_holds_the_codes_of_each_space(snapshot):
    part = snapshot.parts[PartName.CODES]

    assert set(part.about) == {IDENTITY, part_name("copy", 0)}
    assert stored_codes(part, IDENTITY, snapshot.identity).width == 16
    assert stored_codes(part, part_name("copy", 0), snapshot.arrays["copy"]).width == 256
    assert all(f"codes.{name}" in snapshot.manifest.files for name in part.arrays)


def test_a_search_reads_stored_codes_and_makes_none(snapshot, monkeypatch):
    wanted = found(snapshot, EngineName.MATRIX)
    monkeypatch.setattr("cxrgate.index.engines.coded.engine.encode", None)

    assert_same(found(Snapshot.open(snapshot.path), EngineName.CODES), wanted)


def test_a_small_snapshot_has_no_codes_and_the_same_candidates(tmp_path):
    small = write_snapshot(tmp_path / "small", count=19)

    assert PartName.CODES not in small.parts
    assert_same(found(small, EngineName.CODES), found(small, EngineName.KDTREE))


def test_a_sealed_snapshot_holds_the_same_codes(snapshot, tmp_path):
    sealed = seal_snapshot(snapshot, tmp_path / "sealed", KEY)

    assert sealed.manifest.digest == snapshot.manifest.digest
    assert_same(found(sealed, EngineName.CODES), found(snapshot, EngineName.CODES))


def test_a_changed_snapshot_has_codes_of_its_own(snapshot, tmp_path):
    gone = snapshot.patient_keys[4].tobytes()
    fewer = change_snapshot(snapshot, tmp_path / "fewer", {gone})

    assert_same(found(fewer, EngineName.CODES), found(fewer, EngineName.MATRIX))
    with pytest.raises(SnapshotCorrupt):
        stored_codes(snapshot.parts[PartName.CODES], IDENTITY, fewer.identity)


CHANGES = {
    "space missing": lambda about, arrays: about.pop(IDENTITY),
    "step missing": lambda about, arrays: about[IDENTITY].pop("step"),
    "step no number": lambda about, arrays: about[IDENTITY].update(step="wide"),
    "error too small": lambda about, arrays: about[IDENTITY].update(error=1e-9),
    "array missing": lambda about, arrays: arrays.pop("identity_packed"),
    "axes not orthonormal": lambda about, arrays: arrays.update(identity_axes=arrays["identity_axes"] * 2),
    "offsets cut": lambda about, arrays: arrays.update(identity_offsets=arrays["identity_offsets"][:-1]),
    "axes flat": lambda about, arrays: arrays.update(identity_axes=np.zeros(4)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_codes_that_are_not_the_references_are_refused(snapshot, change):
    part = snapshot.parts[PartName.CODES]
    about, arrays = {space: dict(numbers) for space, numbers in part.about.items()}, dict(part.arrays)
    CHANGES[change](about, arrays)
    changed = {**snapshot.parts, PartName.CODES: dataclasses.replace(part, about=about, arrays=arrays)}

    with pytest.raises(SnapshotCorrupt, match="identity"):
        LocalSearcher(dataclasses.replace(snapshot, parts=changed), 3, EngineName.CODES)


def test_codes_do_not_depend_on_how_often_they_are_made(snapshot):
    codes = stored_codes(snapshot.parts[PartName.CODES], IDENTITY, snapshot.identity)
    again = encode(np.array(snapshot.identity), codes.frame)

    assert np.array_equal(codes.packed, again.packed)
    assert codes.error == again.error
