import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from cxrgate.core.keypoints import DIMENSIONS, EXTENT, KEYPOINTS, ROW_BYTES, STEPS, Keypoints


@st.composite
def keypoints(draw):
    count = draw(st.integers(0, 6) | st.just(KEYPOINTS))
    steps = draw(npst.arrays(np.uint16, (count, 2)))
    descriptors = draw(npst.arrays(np.uint8, (count, DIMENSIONS), fill=st.integers(0, 255)))
    return Keypoints(steps.astype(np.float32) / np.float32(STEPS), descriptors)


def some(count):
    rng = np.random.default_rng(count)
    places = rng.integers(0, EXTENT * STEPS, (count, 2)) / STEPS
    return Keypoints(places.astype(np.float32), rng.integers(0, 256, (count, DIMENSIONS)).astype(np.uint8))


def same(one, other):
    return np.array_equal(one.places, other.places) and np.array_equal(one.descriptors, other.descriptors)


@settings(deadline=None, max_examples=30)
@given(keypoints())
def test_a_row_gives_its_keypoints_again(points):
    row = points.to_row()

    assert row.shape == (ROW_BYTES,)
    assert row.dtype == np.uint8
    assert same(Keypoints.from_row(row), points)


@settings(deadline=None, max_examples=30)
@given(keypoints())
def test_mirrored_twice_is_as_before(points):
    assert same(points.mirrored().mirrored(), points)


def test_mirroring_keeps_distances_and_turns_directions():
    points = some(20)
    mirrored = points.mirrored()

    assert np.array_equal(np.diff(mirrored.places, axis=0), np.diff(points.places, axis=0) * [-1, 1])
    cells, turned = (p.descriptors.reshape(-1, 4, 4, 8) for p in (points, mirrored))
    assert np.array_equal(turned[:, 0, 1, 3], cells[:, 3, 1, 5])
    assert np.array_equal(turned[:, 2, 2, 0], cells[:, 1, 2, 0])


@settings(deadline=None, max_examples=30)
@given(st.sampled_from([0, 3, KEYPOINTS]), st.dictionaries(st.integers(0, 20), st.integers(0, 255)))
def test_a_damaged_row_is_refused_or_the_one_row_of_its_keypoints(count, damage):
    row = some(count).to_row()
    row[list(damage)] = list(damage.values())
    try:
        points = Keypoints.from_row(row)
    except ValueError:
        return

    assert np.array_equal(points.to_row(), row)


@pytest.mark.parametrize(
    "row",
    [np.zeros(ROW_BYTES - 1, np.uint8), np.zeros(ROW_BYTES + 1, np.uint8), np.zeros((1, ROW_BYTES), np.uint8)],
)
def test_a_row_of_another_size_is_refused(row):
    with pytest.raises(ValueError, match="expected a row of keypoints"):
        Keypoints.from_row(row)


def test_a_row_of_another_dtype_is_refused():
    with pytest.raises(ValueError, match="expected a row of keypoints"):
        Keypoints.from_row(np.zeros(ROW_BYTES, np.float32))


def test_a_row_with_more_keypoints_than_it_holds_is_refused():
    row = some(KEYPOINTS).to_row()
    row[:2] = 45, 1

    with pytest.raises(ValueError, match="at most 300 keypoints in a row, got 301"):
        Keypoints.from_row(row)


@pytest.mark.parametrize("count", [0, 5, KEYPOINTS - 1])
def test_a_row_with_something_behind_its_last_keypoint_is_refused(count):
    row = some(count).to_row()
    row[-1] = 1

    with pytest.raises(ValueError, match="zeros behind the last"):
        Keypoints.from_row(row)


@pytest.mark.parametrize("place", [np.nan, np.inf, -1, EXTENT, 1 / 256])
def test_places_outside_the_extent_or_between_steps_are_refused(place):
    with pytest.raises(ValueError, match="expected places"):
        Keypoints(np.array([[place, 0]], np.float32), np.zeros((1, DIMENSIONS), np.uint8))


def test_every_descriptor_has_one_place():
    with pytest.raises(ValueError, match="a place for each"):
        Keypoints(np.zeros((2, 2), np.float32), np.zeros((1, DIMENSIONS), np.uint8))


def test_no_more_than_a_row_holds():
    with pytest.raises(ValueError, match="at most 300"):
        Keypoints(np.zeros((301, 2), np.float32), np.zeros((301, DIMENSIONS), np.uint8))
