"""A head that holds a cosine against what is usual for its two images."""

import json

import numpy as np
import pytest

from cxrgate.core.heads import USUAL, CalibratedCosineHead, CohortCosineHead, read_head, recorded, sigmoid


def _unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def head():
    return CohortCosineHead(12.5, -3.25, _unit(np.random.default_rng(0).normal(size=(USUAL + 7, 48))))


@pytest.fixture
def rows():
    return _unit(np.random.default_rng(1).normal(size=(9, 48)))


def test_the_score_is_a_plain_loops(head, rows):
    def usual(row):
        return np.mean(sorted(float(row.astype(np.float64) @ other) for other in head.cohort)[-USUAL:])

    probe, others = rows[0], rows[1:]
    expected = [
        float(sigmoid(np.array(12.5 * (probe.astype(np.float64) @ other - (usual(probe) + usual(other)) / 2) - 3.25)))
        for other in others
    ]
    assert head.score(probe, others) == pytest.approx(expected, abs=1e-6)


def test_an_image_that_is_like_many_scores_lower_at_the_same_cosine(head):
    # Both candidates have the same cosine with the probe, one of them lies in the middle of the cohort.
    probe = np.eye(48, dtype=np.float32)[0]
    usual = CohortCosineHead(1.0, 0.0, _unit(np.eye(48)[1] + 0.01 * np.eye(48)[2 : 2 + USUAL]))
    like_many, like_none = _unit(np.array([np.eye(48)[0] + np.eye(48)[1], np.eye(48)[0] + np.eye(48)[40]]))
    lower, higher = usual.score(probe, np.stack([like_many, like_none]))
    assert lower < higher


def test_a_candidate_scores_the_same_alone_and_among_others(head, rows):
    among = head.score(rows[0], rows[1:])
    alone = [head.score(rows[0], row[None])[0] for row in rows[1:]]
    assert among.tolist() == alone


def test_the_order_of_two_images_does_not_matter(head, rows):
    assert head.score(rows[0], rows[1:2])[0] == head.score(rows[1], rows[0:1])[0]


def test_features_that_are_not_finite_give_no_score(head, rows):
    spoiled = rows.copy()
    spoiled[2, 5] = np.nan
    spoiled[3] = 0
    scores = head.score(rows[0], spoiled)
    assert np.flatnonzero(np.isnan(scores)).tolist() == [2, 3]
    assert np.isnan(head.score(spoiled[2], rows)).all()


def test_what_is_written_is_read_again_exactly(head, rows):
    again = read_head(json.loads(json.dumps(head.to_json())))
    assert again.to_json() == head.to_json()
    assert head.score(rows[0], rows).tolist() == again.score(rows[0], rows).tolist()


def test_a_cohort_that_is_too_small_or_not_finite_is_refused(head):
    with pytest.raises(ValueError, match="finite centroids"):
        CohortCosineHead(1.0, 0.0, head.cohort[: USUAL - 1])
    with pytest.raises(ValueError, match="finite centroids"):
        CohortCosineHead(1.0, 0.0, head.cohort * np.float32("inf"))


@pytest.mark.parametrize("cut", [3, -4])
def test_a_cohort_that_is_cut_off_is_refused(head, cut):
    written = head.to_json()
    written["cohort"]["float32"] = written["cohort"]["float32"][:cut]
    with pytest.raises(ValueError, match=r"reshape|padding|buffer size|base64"):
        read_head(written)


def test_the_head_without_a_cohort_is_read_again():
    assert read_head(CalibratedCosineHead(3.0, -1.0).to_json()) == CalibratedCosineHead(3.0, -1.0)


def test_what_leaves_a_snapshot_holds_no_centroid_and_scores_nothing(head, rows):
    told = recorded(head.to_json())
    assert set(told) == {"head", "sha256"}
    assert read_head(told).to_json() == told
    with pytest.raises(TypeError, match="cannot score"):
        read_head(told).score(rows[0], rows)
    with_one_more = CohortCosineHead(12.5, -3.25, np.concatenate([head.cohort, rows[:1]]))
    assert recorded(with_one_more.to_json()) != told


def test_a_head_without_a_cohort_leaves_a_snapshot_whole():
    head = CalibratedCosineHead(3.0, -1.0).to_json()
    assert recorded(head) == head
