import asyncio
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from support.random_snapshots import KEY, MODELS, RandomModels, descriptors, random_keypoints, write_snapshot

from cxrgate.core import MismatchError, SnapshotCorrupt, SnapshotError
from cxrgate.core.keypoints import METHOD, ROW_BYTES
from cxrgate.index import PartName, Snapshot, array_files
from cxrgate.index.build import EmbeddedImage, Enrolment, build_snapshot
from cxrgate.index.changes import PER_REFERENCE, Addition, change_snapshot
from cxrgate.index.keypoint_rows import FILE, ROWS, count_matches, expect_method, stored_rows, with_rows
from cxrgate.index.parts import Part
from cxrgate.index.sealing import seal_snapshot


@pytest.fixture
def made(tmp_path):
    return write_snapshot(tmp_path / "snapshot", keypoints=True)


def rows(snapshot):
    return np.array(stored_rows(snapshot.parts[PartName.KEYPOINTS]))


def test_every_reference_has_its_row_and_the_manifest_names_the_method(made):
    assert (made.manifest.match_method, rows(made).shape) == (METHOD, (30, ROW_BYTES))
    made.verify()
    assert np.array_equal(rows(made.in_memory()), rows(made))


def test_a_snapshot_without_keypoints_is_what_it_was(tmp_path):
    plain = write_snapshot(tmp_path / "plain")

    assert plain.manifest.match_method is None
    assert PartName.KEYPOINTS not in plain.manifest.parts
    assert stored_rows(None) is None


def test_a_row_that_was_changed_is_found(made):
    path = made.path / f"{FILE}.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    with pytest.raises(SnapshotCorrupt, match=FILE):
        Snapshot.open(made.path).verify()


def test_sealed_it_keeps_them_under_the_same_digest(tmp_path, made):
    sealed = seal_snapshot(made, tmp_path / "sealed", bytes(range(32)))

    assert sealed.manifest == made.manifest
    assert np.array_equal(rows(sealed), rows(made))
    assert rows(made)[0, 1500:1600].tobytes() not in (sealed.path / f"{FILE}.npy.sealed").read_bytes()


def test_rows_follow_their_references_when_patients_are_withdrawn_and_added(tmp_path, made):
    gone = made.patient_keys[0].tobytes()
    kept = [i for i, row in enumerate(made.patient_keys) if row.tobytes() != gone]
    more = {name: made.arrays[name][:1].copy() for name in PER_REFERENCE}
    added = random_keypoints(np.random.default_rng(9))[None]

    seen = []
    fewer = change_snapshot(
        made, tmp_path / "fewer", {gone}, Addition({**more, FILE: added}), derive=lambda a: seen.append(a[FILE]) or {}
    )

    assert np.array_equal(rows(fewer), np.concatenate([rows(made)[kept], added]))
    assert np.array_equal(seen[0], rows(fewer))


def test_rows_are_copied_block_by_block_and_not_held(tmp_path, monkeypatch):
    base = write_snapshot(tmp_path / "base", count=200, keypoints=True)
    monkeypatch.setattr(array_files, "BLOCK", 10 * ROW_BYTES)

    tracemalloc.start()
    fewer = change_snapshot(base, tmp_path / "fewer", {base.patient_keys[50].tobytes()})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 100 * ROW_BYTES
    assert np.array_equal(rows(fewer), np.delete(rows(base), [50, 51], axis=0))
    fewer.verify()


def test_sealed_rows_follow_and_never_lie_on_the_disk_as_they_are(tmp_path):
    base = write_snapshot(tmp_path / "base", storage_key=bytes(32), keypoints=True)
    files = []

    fewer = change_snapshot(
        base,
        tmp_path / "fewer",
        {base.patient_keys[0].tobytes()},
        derive=lambda _: files.extend(path.name for path in tmp_path.rglob("*.npy")) or {},
    )

    assert np.array_equal(rows(fewer), rows(base)[2:])
    assert not files


def test_references_without_keypoints_are_not_added_to_such_as_have_them(tmp_path, made):
    more = {name: made.arrays[name][:1].copy() for name in PER_REFERENCE}
    more["reference_ids"] = more["reference_ids"] ^ 255

    with pytest.raises(SnapshotError, match="copies of it would pass"):
        change_snapshot(made, tmp_path / "changed", set(), Addition(more))


def test_all_images_come_with_keypoints_or_none(tmp_path):
    rng = np.random.default_rng(0)
    made = RandomModels(0)

    def embedded(keypoints):
        found = descriptors("", rng)
        features = rng.standard_normal(8).astype(np.float32)
        return EmbeddedImage("00" * 32, found.spaces, features, found.layout, keypoints)

    async def batches():
        yield [Enrolment("a", "a", embedded(random_keypoints(rng))), Enrolment("b", "b", embedded(None))]

    with pytest.raises(SnapshotError, match="some images come with keypoints"):
        asyncio.run(build_snapshot(tmp_path / "mixed", batches(), 2, made, made, MODELS, KEY))


def test_a_part_of_something_else_is_refused():
    with pytest.raises(SnapshotCorrupt, match="no keypoints of this version"):
        stored_rows(Part({"method": METHOD}, {ROWS: np.zeros((3, 7), np.uint8)}, per_reference=True))
    with pytest.raises(SnapshotCorrupt, match="no keypoints"):
        stored_rows(Part({"method": METHOD}))


def test_keypoints_of_another_version_are_not_added_to(made):
    expect_method(made.manifest)
    part = replace(made.manifest.parts["keypoints"], about={"method": "later"})

    with pytest.raises(MismatchError, match="another version"):
        expect_method(replace(made.manifest, parts={"keypoints": part}))


def test_a_measurement_sees_them_where_they_are_kept(made):
    assert FILE in with_rows(made.arrays, made.parts)
    assert FILE not in with_rows(made.arrays, {})


def test_an_image_has_all_its_keypoints_in_common_with_itself_in_any_company(made):
    query, few, many = rows(made)[3], rows(made)[[3, 4]], rows(made)[::-1]

    assert count_matches(query, few)[0] == 20
    assert count_matches(query, few)[1] == count_matches(query, many)[25] < 10


def test_a_row_of_something_else_is_refused(made):
    with pytest.raises(ValueError, match="keypoints"):
        count_matches(np.full(ROW_BYTES, 255, np.uint8), rows(made))
