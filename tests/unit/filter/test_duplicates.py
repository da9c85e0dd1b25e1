"""Duplicates are found from snapshots alone; the references here are vectors whose likeness is known."""

import dataclasses

import numpy as np
import pytest
from support.fakes import POLICY
from support.random_snapshots import write_snapshot

from cxrgate.core.heads import CosineHead
from cxrgate.core.spaces import COPY, COSINE_SPACES, IDENTITY
from cxrgate.filter.duplicates import DuplicateSearch


@pytest.fixture
def snapshot(tmp_path):
    """30 references of 15 patients, two each, without any likeness."""
    return write_snapshot(tmp_path / "snapshot").in_memory()


def changed(snapshot, **rows):
    """The snapshot with rows of arrays set to another row's, as array__row=source."""
    arrays = {name: np.array(values) for name, values in snapshot.arrays.items()}
    for place, source in rows.items():
        name, _, row = place.partition("__")
        arrays[name][int(row)] = arrays[name][source]
    return dataclasses.replace(snapshot, arrays=arrays)


def search(snapshot):
    policy = dataclasses.replace(POLICY, references=30, score_threshold=0.99)
    return DuplicateSearch(snapshot, policy, CosineHead())


def found(pairs):
    return {(pair.row, pair.other): pair.reasons for pair in pairs}


def test_a_picture_that_is_there_twice_is_found_once_whosever_it_is(snapshot):
    one_patient, other_patient = changed(snapshot, copy__1=0), changed(snapshot, copy__20=0)

    assert found(search(one_patient).within()) == {(0, 1): ("COPY",)}
    assert found(search(other_patient).within()) == {(0, 20): ("COPY",)}


def test_another_image_of_the_same_patient_is_no_finding_within_one_set(snapshot):
    keys = np.asarray(snapshot.patient_keys)
    assert (keys[0] == keys[1]).all()
    same = changed(snapshot, identity__1=0, features__1=0)

    assert found(search(same).within()) == {}


def test_a_patient_under_two_ids_is_found_however_alike_the_own_images_are(snapshot):
    alike = changed(snapshot, identity__1=0, features__1=0, identity__20=0, features__20=0)

    assert found(search(alike).within()) == {(0, 20): ("SAME_PATIENT",), (1, 20): ("SAME_PATIENT",)}


def test_between_sets_the_same_patient_counts_under_the_same_id_too(snapshot):
    pairs = search(snapshot).between(snapshot)

    assert {(row, row) for row in range(30)} <= set(found(pairs))
    assert set(found(pairs)[0, 0]) == {"SAME_PATIENT", *(space.reason for space in COSINE_SPACES)}


def test_the_numbers_are_those_of_the_pair(snapshot):
    (pair,) = search(changed(snapshot, copy__20=0)).within()

    assert pair.similarities[COPY.name] == pytest.approx(1)
    assert 0 <= pair.deciding < 0.99
    assert IDENTITY not in pair.similarities
