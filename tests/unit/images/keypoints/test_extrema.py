import numpy as np
import pytest

from cxrgate.images.keypoints.extrema import find_extrema
from cxrgate.images.keypoints.scale_space import scale_space


def spot(x, y, sigma, bright=1, size=128):
    rows, columns = np.mgrid[:size, :size]
    bell = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    return np.rint(128 + 100 * bright * bell).astype(np.uint8)


@pytest.mark.parametrize("bright", [1, -1])
@pytest.mark.parametrize(("x", "y", "sigma"), [(60, 64, 4), (50.3, 70.8, 6)])
def test_a_spot_is_found_where_it_is_at_its_size(x, y, sigma, bright):
    octaves = scale_space(spot(x, y, sigma, bright))
    best = find_extrema(octaves).strongest(1)
    pixel = octaves[best.octave[0]].pixel

    # Pixels' centres: the enlarged image's first lies a quarter of a pixel before the image's.
    assert best.x[0] * pixel - 0.25 == pytest.approx(x, abs=0.3)
    assert best.y[0] * pixel - 0.25 == pytest.approx(y, abs=0.3)
    assert best.sigma[0] * pixel == pytest.approx(sigma, rel=0.35)


def test_an_edge_is_none():
    pixels = np.full((128, 128), 60, np.uint8)
    pixels[:, 64:] = 190

    assert len(find_extrema(scale_space(pixels))) == 0


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_constant_image_has_none(value):
    assert len(find_extrema(scale_space(np.full((128, 128), value, np.uint8)))) == 0


def test_equal_neighbours_are_one():
    pixels = np.full((128, 128), 100, np.uint8)
    pixels[60:64, 60:64] = 255
    found = find_extrema(scale_space(pixels))

    assert len(found) == len({tuple(row) for row in np.stack([found.octave, found.x, found.y, found.sigma], axis=1)})


def test_the_strongest_come_first_whatever_the_order():
    pixels = np.random.default_rng(1).integers(0, 256, (128, 128)).astype(np.uint8)
    found = find_extrema(scale_space(pixels))
    shuffled = found.chosen(np.random.default_rng(2).permutation(len(found)))

    assert len(found) > 20
    assert np.array_equal(shuffled.strongest(20).x, found.strongest(20).x)
    assert (np.diff(found.strongest(20).strength) <= 0).all()
    assert len(found.strongest(10**6)) == len(found)
