import numpy as np
import pytest

from cxrgate.core import UsageError
from cxrgate.train.sampling import BalancedPairs, PatientBlocks

SOURCES = np.array([0] * 30 + [1] * 14)
LABELS = np.array([i // 3 for i in range(30)] + [10 + i // 2 for i in range(8)] + list(range(14, 20)))
"""Source 0: ten patients with three images. Source 1: four patients with two images and six with one."""


def _blocks(several=1.0, images=2, patients=4, count=50):
    sampler = PatientBlocks(LABELS, SOURCES, patients, images, several)
    rng = np.random.default_rng(0)
    return [sampler.draw(rng) for _ in range(count)]


def test_a_batch_holds_one_source():
    blocks = _blocks()
    assert all((SOURCES[block.rows] == block.source).all() for block in blocks)
    assert {block.source for block in blocks} == {0, 1}


def test_labels_are_those_of_the_rows():
    assert all(np.array_equal(LABELS[block.rows], block.labels) for block in _blocks())


def test_a_patient_gives_different_images_where_there_are_enough():
    for block in _blocks():
        _, counts = np.unique(block.labels, return_counts=True)
        assert counts.tolist() == [2] * 4
        assert len(set(block.rows.tolist())) == len(block.rows)


def test_a_patient_with_too_few_images_gives_each_of_them_and_repeats_some():
    for block in _blocks(images=5):
        for label in np.unique(block.labels):
            rows = block.rows[block.labels == label]
            assert len(rows) == 5
            assert set(rows) == set(np.flatnonzero(label == LABELS))


@pytest.mark.parametrize(("several", "expected"), [(0.0, 0), (0.5, 2), (1.0, 4)])
def test_the_share_of_patients_with_several_images_is_kept(several, expected):
    for block in [block for block in _blocks(several) if block.source == 1]:
        with_several = [label for label in np.unique(block.labels) if (label == LABELS).sum() > 1]
        assert len(with_several) == expected


def test_small_sources_are_heard_by_the_square_root_of_their_size():
    share = np.mean([block.source for block in _blocks(count=2000)])
    assert share == pytest.approx(np.sqrt(14) / (np.sqrt(14) + np.sqrt(30)), abs=0.04)


def test_equal_generators_draw_equal_batches():
    assert all(np.array_equal(a.rows, b.rows) for a, b in zip(_blocks(), _blocks(), strict=True))


def test_blocks_without_a_patient_with_two_images_are_refused():
    with pytest.raises(UsageError, match="two or more images"):
        PatientBlocks(np.arange(5), np.zeros(5, np.int64), 4, 2, 0.5)


def _pairs(labels, pairs=8, count=200):
    sampler = BalancedPairs(labels, pairs)
    rng = np.random.default_rng(0)
    return [sampler.draw(rng) for _ in range(count)]


def test_half_of_the_pairs_are_of_one_patient():
    assert all(block.same.tolist() == [1] * 4 + [0] * 4 for block in _pairs(LABELS))


def test_pairs_are_labelled_by_patient_and_nothing_else():
    # Rows are all that a sampler sees: file names, which fooled a published one, take no part.
    for block in _pairs(LABELS):
        assert np.array_equal(LABELS[block.first] == LABELS[block.second], block.same == 1)
        assert (block.first != block.second).all()


def test_one_patient_with_nearly_all_images_is_never_its_own_negative():
    labels = np.array([0] * 50 + [1])
    for block in _pairs(labels, count=50):
        different = block.same == 0
        assert (labels[block.first[different]] != labels[block.second[different]]).all()


def test_every_combination_of_two_images_is_as_likely_as_any_other():
    # Four images make six combinations, two make one.
    labels = np.array([0, 0, 0, 0, 1, 1])
    blocks = _pairs(labels, count=1000)
    chosen = np.concatenate([labels[block.first[block.same == 1]] for block in blocks])
    assert chosen.mean() == pytest.approx(1 / 7, abs=0.02)


@pytest.mark.parametrize("labels", [np.arange(5), np.zeros(5, np.int64)])
def test_pairs_that_cannot_be_balanced_are_refused(labels):
    with pytest.raises(UsageError, match="two patients or more"):
        BalancedPairs(labels, 8)
