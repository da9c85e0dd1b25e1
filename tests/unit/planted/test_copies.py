import io

import numpy as np
import pytest
from PIL import Image
from support.fakes import picture

from cxrgate.planted.copies import MEDIUM, RECIPES, STRONG, draw_signs, make_copy

SIGNS = np.array([1, 1])


def opened(content):
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("size", [(256, 320), (300, 256), (224, 224), (700, 512)])
@pytest.mark.parametrize(("recipe", "side"), [(MEDIUM, 192), (STRONG, 112)])
def test_the_shorter_side_and_the_aspect_are_the_recipes(recipe, side, size):
    copy = opened(make_copy(picture(1, size), recipe, SIGNS))

    assert (copy.format, copy.mode, min(copy.size)) == ("JPEG", "L", side)
    assert copy.height / copy.width == pytest.approx(size[0] / size[1], rel=0.01)


@pytest.mark.parametrize("recipe", RECIPES)
def test_equal_input_gives_equal_bytes(recipe):
    assert make_copy(picture(2), recipe, SIGNS) == make_copy(picture(2), recipe, SIGNS)


def test_strong_copies_are_smaller_files():
    assert len(make_copy(picture(3), STRONG, SIGNS)) < len(make_copy(picture(3), MEDIUM, SIGNS))


def test_signs_are_those_of_the_published_seed():
    expected = 2 * np.random.default_rng(20261124).integers(2, size=(50, 2)) - 1

    np.testing.assert_array_equal(draw_signs(50), expected)
    assert set(draw_signs(50).ravel().tolist()) == {-1, 1}


def test_an_images_signs_do_not_depend_on_how_many_follow():
    np.testing.assert_array_equal(draw_signs(3), draw_signs(100)[:3])


def test_turning_leaves_no_dark_corner():
    # 1 at the edges stays 1 whatever the gamma, and JPEG keeps an even picture even.
    copy = np.asarray(opened(make_copy(np.full((256, 256), 255, np.uint8), MEDIUM, SIGNS)))

    assert copy.min() == 255


def test_the_first_sign_turns_the_second_darkens():
    even = np.full((256, 256), 128, np.uint8)
    darker, brighter = (np.asarray(opened(make_copy(even, MEDIUM, np.array([1, sign])))).mean() for sign in (1, -1))
    left, right = (np.asarray(opened(make_copy(picture(4), MEDIUM, np.array([sign, 1]))), float) for sign in (1, -1))

    assert darker == pytest.approx(255 * (128 / 255) ** 1.3, abs=1)
    assert brighter == pytest.approx(255 * (128 / 255) ** (1 / 1.3), abs=1)
    assert np.abs(left - right).mean() > 1


def test_the_crop_is_the_centre():
    pixels = np.zeros((256, 256), np.uint8)
    pixels[124:132, 124:132] = 255
    copy = np.asarray(opened(make_copy(pixels, MEDIUM, SIGNS)), float)
    rows, columns = np.mgrid[0:192, 0:192]

    assert (copy * rows).sum() / copy.sum() == pytest.approx(95.5, abs=1)
    assert (copy * columns).sum() / copy.sum() == pytest.approx(95.5, abs=1)
