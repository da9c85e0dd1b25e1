import numpy as np
import pytest

from cxrgate.core.keypoints import DIMENSIONS
from cxrgate.images.keypoints.extrema import Points
from cxrgate.images.keypoints.histograms import describe, orient
from cxrgate.images.keypoints.scale_space import scale_space


def at(x, y, sigma=2.0, angle=0.0):
    """A point of the first octave."""
    one = [np.array([value], np.float64) for value in (x, y, sigma, 1, angle)]
    return Points(np.zeros(1, np.int64), *one)


def ramp(degrees, size=128):
    """Brighter in that direction, from x towards y."""
    rows, columns = np.mgrid[:size, :size] - size / 2
    angle = np.radians(degrees)
    return np.rint(128 + 0.9 * (columns * np.cos(angle) + rows * np.sin(angle))).astype(np.uint8)


@pytest.mark.parametrize("degrees", [0, 17, 90, 200, 315])
def test_a_point_has_the_direction_of_its_gradients(degrees):
    found = orient(scale_space(ramp(degrees)), at(128, 128))

    assert len(found) == 1
    assert abs((np.degrees(found.angle[0]) - degrees + 180) % 360 - 180) < 6


def test_a_corner_has_two_directions():
    rows, columns = np.mgrid[:128, :128]
    found = orient(scale_space(np.minimum(rows, columns).astype(np.uint8) * 2), at(128, 128))

    assert sorted(np.degrees(found.angle)) == pytest.approx([0, 90], abs=6)


def test_nothing_has_no_direction():
    assert len(orient(scale_space(np.full((128, 128), 9, np.uint8)), at(128, 128))) == 0


def test_a_ramp_fills_the_bin_of_its_direction_in_every_cell():
    cells = describe(scale_space(ramp(0)), at(128, 128)).reshape(16, 8)

    assert (cells.argmax(axis=1) == 0).all()
    assert (describe(scale_space(ramp(0)), at(128, 128, angle=np.pi / 2)).reshape(16, 8).argmax(axis=1) == 6).all()


@pytest.mark.parametrize("place", [(0, 0), (255, 255), (-5, 300)])
def test_a_point_at_the_edge_is_described_by_what_there_is(place):
    described = describe(scale_space(ramp(30)), at(*place, sigma=3.2))

    assert described.shape == (1, DIMENSIONS)
    assert described.any()


def test_no_points_have_no_descriptors():
    nothing = at(0, 0).chosen(np.zeros(0, np.int64))

    assert describe(scale_space(ramp(0)), nothing).shape == (0, DIMENSIONS)
    assert len(orient(scale_space(ramp(0)), nothing)) == 0
