import json
import shutil

import numpy as np
import pytest
from support.random_snapshots import write_snapshot
from support.zero_snapshots import write_zeros

from cxrgate.core import SnapshotCorrupt, SnapshotError
from cxrgate.index import Part, PartName, Snapshot
from cxrgate.index.array_files import array_path
from cxrgate.index.changes import PER_REFERENCE, Addition, change_snapshot, with_parts
from cxrgate.index.manifest import MANIFEST, read_manifest
from cxrgate.index.sealing import seal_snapshot

KEY = bytes(32)
ABOUT = {"level": 0.995, "words": ["a", "b"], "none": None}


@pytest.fixture
def plain(tmp_path):
    return write_snapshot(tmp_path / "plain")


def parts(count):
    rows = np.arange(count * 16, dtype=np.uint8).reshape(count, 16)
    return {
        PartName.IMAGES: Part({"listed": count}, {"stamps": rows}, per_reference=True),
        PartName.MEASUREMENT: Part(ABOUT, {"scores": np.linspace(0, 1, 7)}),
    }


@pytest.fixture
def made(tmp_path, plain):
    return with_parts(plain, tmp_path / "made", parts(plain.manifest.references))


def test_a_snapshot_without_parts_is_written_as_format_1(tmp_path):
    folder = write_zeros(tmp_path / "zeros", 3)
    value = json.loads((folder / MANIFEST).read_text())

    assert value["format"] == 1
    assert "parts" not in value
    assert Snapshot.open(folder).parts == {}


def test_parts_are_found_again_and_change_the_digest(made, plain):
    made.verify()

    assert json.loads((made.path / MANIFEST).read_text())["format"] == 2
    assert made.manifest.digest != plain.manifest.digest
    assert made.parts[PartName.MEASUREMENT].about == ABOUT
    assert np.array_equal(made.parts[PartName.MEASUREMENT].arrays["scores"], np.linspace(0, 1, 7))
    assert np.array_equal(made.identity, plain.identity)


@pytest.mark.parametrize("change", ["about", "array", "gone", "file"])
def test_a_part_that_was_changed_is_refused(made, change):
    value = json.loads((made.path / MANIFEST).read_text())
    part = value["parts"]["measurement"]
    if change == "about":
        part["about"]["level"] = 0.5
    elif change == "array":
        part["arrays"]["scores"]["shape"] = [6]
    elif change == "gone":
        del value["parts"]["measurement"]
    else:
        np.save(array_path(made.path, "measurement.scores"), np.linspace(0, 1, 7) + 1e-9)
    (made.path / MANIFEST).write_text(json.dumps(value))

    with pytest.raises(SnapshotCorrupt):
        Snapshot.open(made.path).verify()


def test_a_part_of_a_later_version_is_refused_with_the_cure(made):
    value = json.loads((made.path / MANIFEST).read_text())
    value["parts"]["surprise"] = {"about": {}, "arrays": {}, "per_reference": False}
    (made.path / MANIFEST).write_text(json.dumps(value))

    with pytest.raises(SnapshotError, match=r"surprise\): a later version of cxrgate made it"):
        read_manifest(made.path)


@pytest.mark.parametrize("name", ["../plain/identity", "a.b", "", "Ä"])
def test_a_name_that_could_leave_the_folder_is_refused(made, name):
    value = json.loads((made.path / MANIFEST).read_text())
    arrays = value["parts"]["measurement"]["arrays"]
    arrays[name] = arrays.pop("scores")
    (made.path / MANIFEST).write_text(json.dumps(value))

    with pytest.raises(SnapshotCorrupt, match="expected names of arrays"):
        read_manifest(made.path)


def test_sealed_it_has_the_same_digest_and_none_of_its_bytes_on_the_disk(tmp_path, made):
    sealed = seal_snapshot(made, tmp_path / "sealed", KEY)

    assert sealed.manifest == made.manifest
    stamps = sealed.parts[PartName.IMAGES].arrays["stamps"]
    assert np.array_equal(stamps, made.parts[PartName.IMAGES].arrays["stamps"])
    content = b"".join(path.read_bytes() for path in sealed.path.iterdir())
    assert stamps[1].tobytes() not in content


def test_a_sealed_part_that_was_flipped_is_refused(tmp_path, made):
    sealed = seal_snapshot(made, tmp_path / "sealed", KEY)
    path = sealed.path / "measurement.scores.npy.sealed"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    with pytest.raises(SnapshotCorrupt):
        Snapshot.open(sealed.path, KEY)


def test_a_part_of_another_snapshot_is_refused(tmp_path, made):
    other = with_parts(made, tmp_path / "other", {PartName.MEASUREMENT: Part({}, {"scores": np.zeros(7)})})
    shutil.copy(array_path(other.path, "measurement.scores"), array_path(made.path, "measurement.scores"))

    with pytest.raises(SnapshotCorrupt, match="measurement"):
        Snapshot.open(made.path).verify()


def test_rows_follow_their_references_and_other_parts_are_made_anew_or_left_out(tmp_path, made):
    gone = made.patient_keys[0].tobytes()
    kept = [i for i, row in enumerate(made.patient_keys) if row.tobytes() != gone]

    fewer = change_snapshot(made, tmp_path / "fewer", {gone})
    derived = change_snapshot(
        made, tmp_path / "again", {gone}, derive=lambda a: {PartName.MEASUREMENT: Part({"n": len(a["identity"])})}
    )

    stamps = made.parts[PartName.IMAGES].arrays["stamps"]
    assert set(fewer.parts) == {PartName.IMAGES}
    assert np.array_equal(fewer.parts[PartName.IMAGES].arrays["stamps"], stamps[kept])
    assert derived.parts[PartName.MEASUREMENT].about == {"n": len(kept)}


def test_added_references_have_their_rows_or_zeros(tmp_path, made):
    rows = {name: made.arrays[name][:1].copy() for name in PER_REFERENCE}
    rows["reference_ids"] = rows["reference_ids"] ^ 255
    stamp = np.full((1, 16), 9, np.uint8)

    without = change_snapshot(made, tmp_path / "without", set(), Addition(rows))
    known = change_snapshot(made, tmp_path / "known", set(), Addition({**rows, "images.stamps": stamp}))

    assert not without.parts[PartName.IMAGES].arrays["stamps"][-1].any()
    assert np.array_equal(known.parts[PartName.IMAGES].arrays["stamps"][-1:], stamp)
    with pytest.raises(SnapshotError, match=r"images\.stamps is"):
        change_snapshot(made, tmp_path / "wrong", set(), Addition({**rows, "images.stamps": stamp[:, :8]}))


def test_a_part_with_too_few_rows_is_refused(tmp_path, plain):
    with pytest.raises(SnapshotError, match="the part images has"):
        with_parts(plain, tmp_path / "short", parts(3))
    assert not (tmp_path / "short").exists()
