import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrgate.core.keypoints import DIMENSIONS, EXTENT, KEYPOINTS, STEPS, Keypoints
from cxrgate.core.matching import agreeing_matches

SEED = b"an image's digest"


def descriptors(count, seed):
    rng = np.random.default_rng(seed)
    shares = rng.gamma(0.5, 1, (count, DIMENSIONS))
    return np.minimum(512 * np.sqrt(shares / shares.sum(axis=1, keepdims=True)), 255).astype(np.uint8)


def placed(places, values):
    return Keypoints((np.rint(np.asarray(places) * STEPS) / STEPS).astype(np.float32), values)


def drawn(count, seed):
    return placed(np.random.default_rng(seed).uniform(150, 250, (count, 2)), descriptors(count, seed))


def transformed(points, scale, degrees, shift=(0, 0)):
    """About the middle."""
    angle, middle = np.radians(degrees), np.array([200, 200])
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return placed((points.places - middle) @ turn.T + middle + shift, points.descriptors)


def joined(*parts):
    return Keypoints(np.concatenate([p.places for p in parts]), np.concatenate([p.descriptors for p in parts]))


def count(query, reference, seed=SEED):
    return agreeing_matches(query, [reference], seed)[0]


@pytest.mark.parametrize("scale", [0.45, 1, 2.4])
@pytest.mark.parametrize("degrees", [0, 30, 180])
def test_every_keypoint_of_a_transformed_picture_agrees(scale, degrees):
    points = drawn(60, 1)

    assert count(transformed(points, scale, degrees, (10, 20)), points) == 60


def test_what_agrees_is_counted_among_what_does_not():
    points, others = drawn(120, 1), drawn(100, 2)
    # The others match, too, each at a place of its own.
    strewn = placed(np.random.default_rng(3).uniform(0, 500, (100, 2)), others.descriptors)
    found = count(joined(transformed(points, 0.8, 20), strewn), joined(points, others))

    assert 120 <= found <= 125


def test_a_mirrored_picture_agrees_as_the_picture_itself():
    points = drawn(80, 1)

    assert count(transformed(points, 1.2, 10).mirrored(), points) == 80


@pytest.mark.parametrize("scale", [0.35, 2.6])
def test_a_picture_too_small_or_too_large_does_not_agree(scale):
    points = placed(np.random.default_rng(1).uniform(160, 240, (60, 2)), descriptors(60, 1))

    assert count(transformed(points, scale, 0), points) < 30


def test_other_pictures_hardly_agree():
    assert count(drawn(KEYPOINTS, 1), drawn(KEYPOINTS, 2)) < 10


def test_what_has_several_alike_matches_nothing():
    points = drawn(40, 1)

    assert count(points, joined(points, transformed(points, 1, 90))) == 0


@pytest.mark.parametrize(("ours", "theirs"), [(0, 0), (0, 5), (5, 0), (1, 5), (5, 1), (1, 1)])
def test_too_few_keypoints_agree_on_nothing(ours, theirs):
    assert count(drawn(ours, 1), drawn(theirs, 1)) == 0


def test_places_all_the_same_are_explained_by_no_transform():
    points = placed(np.full((30, 2), 50), descriptors(30, 1))

    assert count(points, points) == 0


def test_no_references_have_no_numbers():
    found = agreeing_matches(drawn(5, 1), [], SEED)

    assert found.shape == (0,)
    assert found.dtype == np.int64


@settings(deadline=None, max_examples=20)
@given(st.permutations(range(6)), st.integers(1, 6))
def test_each_number_is_that_of_its_reference_in_any_company(order, size):
    points = drawn(90, 1)
    strewn = placed(np.random.default_rng(9).uniform(0, 500, (90, 2)), descriptors(90, 1))
    references = [
        drawn(90, 2),
        strewn,
        transformed(points, 0.7, 40),
        points.mirrored(),
        drawn(0, 1),
        joined(points, drawn(9, 4)),
    ]
    alone = [count(points, reference) for reference in references]
    chosen = order[:size]

    assert agreeing_matches(points, [references[i] for i in chosen], SEED).tolist() == [alone[i] for i in chosen]


def test_the_largest_descriptors_are_told_apart_exactly():
    values = np.full((50, DIMENSIONS), 255, np.uint8)
    values[np.arange(50), np.arange(50)] = 254
    points = placed(np.random.default_rng(1).uniform(0, 500, (50, 2)), values)

    assert count(points, points) == 50


def test_a_place_at_the_end_of_the_extent_is_matched():
    places = np.array([[0, 0], [EXTENT - 1 / STEPS, 0], [0, EXTENT - 1 / STEPS]])
    points = placed(places, descriptors(3, 1))

    assert count(points, points) == 3
