import numpy as np
import pytest
from scipy import ndimage
from support.fakes import picture

from cxrgate.images.keypoints.scale_space import INTERVALS, SIGMA, SMALLEST, UNITS, UP, scale_space


def test_octaves_have_half_the_pixels_until_nothing_is_left():
    octaves = scale_space(picture(1, (256, 300)))
    shapes = [octave.scales.shape for octave in octaves]

    assert shapes[0] == (INTERVALS + 3, 256 * UP, 300 * UP)
    assert shapes[1] == (INTERVALS + 3, 256, 300)
    assert SMALLEST <= min(shapes[-1][1:]) < 2 * SMALLEST
    assert [octave.pixel for octave in octaves] == [2.0**i / UP for i in range(len(octaves))]


def test_every_number_is_whole_and_few_enough_bits():
    for octave in scale_space(np.random.default_rng(1).integers(0, 2, (256, 256)).astype(np.uint8) * 255):
        assert np.array_equal(octave.scales, np.rint(octave.scales))
        assert octave.scales.min() >= 0
        assert octave.scales.max() <= 255 * UNITS


def test_differences_are_of_neighbouring_scales():
    octave = scale_space(picture(1, (64, 80)))[0]

    assert np.array_equal(octave.differences, octave.scales[1:] - octave.scales[:-1])


@pytest.mark.parametrize("scale", range(1, INTERVALS + 3))
def test_each_scale_is_a_gaussian_blur_of_the_first(scale):
    scales = scale_space(picture(3, (128, 150)))[0].scales.astype(np.float64)
    sigma = SIGMA * np.sqrt(2 ** (2 * scale / INTERVALS) - 1)
    expected = ndimage.gaussian_filter(scales[0], sigma, mode="nearest")

    # At the edges it matters that they are drawn out before each blur.
    assert np.abs(scales[scale] - expected)[24:-24, 24:-24].max() < UNITS


def test_the_largest_image_stays_as_bright():
    assert (scale_space(np.full((70, 90), 255, np.uint8))[0].scales == 255 * UNITS).all()
