"""Centroids that hold no one patient's numbers."""

import numpy as np

from cxrgate.core.heads import USUAL
from cxrgate.train.cohort import FEWEST, find_cohort


def _embeddings(sizes, seed=0):
    """Patients in groups of these sizes, two images each."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(sizes)), sizes)
    patients = np.repeat(np.arange(len(group)), 2)
    rows = rng.normal(size=(len(sizes), 24))[group[patients]] + 0.1 * rng.normal(size=(len(patients), 24))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), patients


def _counts(rows, patients, cohort):
    means = np.array([rows[patients == patient].mean(0) for patient in np.unique(patients)])
    return np.bincount((means @ cohort.T).argmax(1), minlength=len(cohort))


def test_every_centroid_stands_for_twenty_patients_or_more():
    rows, patients = _embeddings([FEWEST + 5] * (USUAL + 4) + [1, 3, 7])
    cohort = find_cohort(rows, patients, seed=1)
    assert cohort.dtype == np.float32
    assert len(cohort) >= USUAL
    assert _counts(rows, patients, cohort).min() >= FEWEST
    assert np.allclose(np.linalg.norm(cohort, axis=1), 1)


def test_a_patient_who_is_like_nobody_has_no_centroid():
    rows, patients = _embeddings([40] * (USUAL + 4))
    alone = np.zeros((2, 24), np.float32)
    alone[:, 0] = 1
    cohort = find_cohort(np.concatenate([rows, alone]), np.append(patients, [9999, 9999]), seed=1)
    assert (cohort @ alone[0]).max() < 0.9


def test_the_same_seed_gives_the_same_centroids():
    rows, patients = _embeddings([30] * (USUAL + 4))
    assert np.array_equal(find_cohort(rows, patients, seed=3), find_cohort(rows, patients, seed=3))


def test_few_patients_give_none():
    rows, patients = _embeddings([FEWEST * USUAL - 1])
    assert find_cohort(rows, patients, seed=1) is None
    rows, patients = _embeddings([FEWEST * USUAL])  # all alike: the centroids cannot all be of twenty
    assert find_cohort(rows, patients, seed=1) is None


def test_patients_who_are_alike_to_the_last_bit_give_centroids_or_none():
    # k-means is left with centroids that are nobody's.
    rows, _ = _embeddings([1] * 12)
    some = np.repeat(rows[::2], 40, axis=0)
    cohort = find_cohort(some, np.arange(len(some)), seed=1)
    assert cohort is None or (len(cohort) >= USUAL and np.isfinite(cohort).all())
    assert find_cohort(np.repeat(rows[:1], 400, axis=0), np.arange(400), seed=1) is None
