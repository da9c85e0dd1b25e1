from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.random_snapshots import random_keypoints

from cxrgate.core import UsageError
from cxrgate.images import ImageFile
from cxrgate.index.build import EmbeddedImage, Enrolment, ModelDigests
from cxrgate.run.enrolment_journal import EnrolmentJournal

KEY, STAMP = bytes(32), (10, 20)
MODELS = ModelDigests("retrieval", "verification")
NAMES = ("features", "layout")


def embedded(seed=0):
    rng = np.random.default_rng(seed)
    identity, features, copy, layout = (rng.standard_normal(n).astype(np.float32) for n in (128, 128, 256, 64))
    return EmbeddedImage("ab" * 32, {"identity": identity, "copy": copy}, features, layout)


def file(name="real/1.png"):
    return ImageFile(Path(name), name, "", "patient")


def opened(folder, models=MODELS, storage_key=None):
    return EnrolmentJournal(folder / "snapshot", models, KEY, storage_key)


def keep(folder, storage_key=None):
    made = embedded()
    with opened(folder, storage_key=storage_key) as journal:
        journal.keep([(Enrolment("real/1.png", "patient", made, STAMP), made)])
    return made


@pytest.mark.parametrize("storage_key", [None, b"s" * 32])
def test_what_was_kept_is_found_again_to_the_last_bit(tmp_path, storage_key):
    made = keep(tmp_path, storage_key)

    with opened(tmp_path, storage_key=storage_key) as journal:
        found = journal.find(file(), STAMP)
        assert journal.knows(file(), STAMP)

    assert found.digest == made.digest
    assert all(np.array_equal(getattr(found, name), getattr(made, name)) for name in NAMES)
    assert all(np.array_equal(found.spaces[name], rows) for name, rows in made.spaces.items())


def test_sealed_no_number_of_it_lies_on_the_disk(tmp_path):
    made = keep(tmp_path, b"s" * 32)
    content = b"".join(path.read_bytes() for path in (tmp_path / "snapshot.enrolling").iterdir())

    assert made.spaces["identity"][:4].tobytes() not in content
    assert made.digest.encode() not in content


@pytest.mark.parametrize(("name", "stamp"), [("real/2.png", STAMP), ("real/1.png", (11, 20)), ("real/1.png", (10, 21))])
def test_another_file_is_not_found(tmp_path, name, stamp):
    keep(tmp_path)

    with opened(tmp_path) as journal:
        assert journal.find(file(name), stamp) is None
        assert not journal.knows(file(name), stamp)


def test_a_torn_line_is_lost_and_nothing_else(tmp_path):
    keep(tmp_path)
    path = tmp_path / "snapshot.enrolling/journal.jsonl"
    path.write_bytes(path.read_bytes() + b"0123456789abcdef {torn")

    with opened(tmp_path) as journal:
        assert len(journal) == 1


def test_one_of_other_models_is_begun_anew(tmp_path):
    keep(tmp_path)

    with opened(tmp_path, ModelDigests("another", "verification")) as journal:
        assert len(journal) == 0


def test_one_that_another_process_writes_is_left_alone(tmp_path):
    with opened(tmp_path), pytest.raises(UsageError, match="another run writes"):
        opened(tmp_path, ModelDigests("another", "verification"))


def test_it_is_gone_once_the_snapshot_is_there(tmp_path):
    with opened(tmp_path) as journal:
        journal.finish()

    assert not list(tmp_path.iterdir())


def test_floats_that_were_brought_to_grey_by_another_range_are_not_found(tmp_path):
    made = embedded()
    for ranges, found in (({(-1.0, 1.0)}, 0), ({(-1.0, 1.0)}, 1), ({(0.0, 1.0)}, 0)):
        with EnrolmentJournal(tmp_path / "snapshot", MODELS, KEY, None, ranges) as journal:
            assert len(journal) == found
            journal.keep([(Enrolment("real/1.png", "patient", made, STAMP), made)])


def test_keypoints_are_kept_where_they_are_asked_for_and_a_journal_without_is_begun_anew(tmp_path):
    made = replace(embedded(), keypoints=random_keypoints(np.random.default_rng(0)))
    item = Enrolment("real/1.png", "patient", made, STAMP)
    with EnrolmentJournal(tmp_path / "snapshot", MODELS, KEY, None, keypoints=True) as journal:
        journal.keep([(item, made)])

    with EnrolmentJournal(tmp_path / "snapshot", MODELS, KEY, None, keypoints=True) as journal:
        found = journal.find(file(), STAMP)
    assert np.array_equal(found.keypoints, made.keypoints)
    assert np.array_equal(found.layout, made.layout)
    with opened(tmp_path) as journal:
        assert journal.find(file(), STAMP) is None
