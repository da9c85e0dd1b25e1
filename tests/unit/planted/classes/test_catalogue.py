"""Every planted leak of the catalogue on drawn pictures."""

import io

import numpy as np
import pytest
from PIL import Image
from support.fakes import picture

from cxrgate.core import ImageRecord
from cxrgate.images.codec.decode import decode
from cxrgate.planted.classes.catalogue import CLASSES, LEAKS, of_class
from cxrgate.planted.classes.intensity import equalised
from cxrgate.planted.copies import MEDIUM
from cxrgate.planted.leak import draws

PIXELS, OTHER = picture(1, (256, 300)), picture(2, (200, 240))
NAMES = {leak: f"{leak.leak_class}, {leak.strength}" for leak in LEAKS}


def planted(leak, name="a", pixels=PIXELS):
    return np.asarray(Image.open(io.BytesIO(leak.plant(pixels, name, OTHER))))


def test_every_leak_has_a_name_of_its_own():
    assert len(set(NAMES.values())) == len(LEAKS)
    assert len(CLASSES) == 12


@pytest.mark.parametrize("leak", LEAKS, ids=NAMES.values())
def test_a_leak_is_the_same_in_every_run_and_leaves_its_source_alone(leak):
    source = PIXELS.copy()

    assert leak.plant(source, "a", OTHER) == leak.plant(source, "a", OTHER)
    assert (source == PIXELS).all()


@pytest.mark.parametrize("leak", [leak for leak in LEAKS if leak.strength not in {"same pixels", "png 16 bit"}])
def test_a_leak_changes_the_image_and_keeps_more_than_nothing_of_it(leak):
    changed = decode(ImageRecord("a", leak.plant(PIXELS, "a", OTHER))).pixels

    assert changed.shape != PIXELS.shape or (changed != PIXELS).any()
    assert changed.std() > 10


def test_an_identical_leak_has_the_very_pixels():
    assert (planted(of_class("identical")[0]) == PIXELS).all()


def test_16_bit_has_the_very_pixels():
    content = of_class("re_encoded")[-1].plant(PIXELS, "a", OTHER)

    assert (decode(ImageRecord("a", content)).pixels == PIXELS).all()


def test_strengths_differ_in_strength_alone():
    weak, strong = (planted(leak).astype(float) - PIXELS for leak in of_class("geometric")[:2])

    # Both turn to the same side: what a small angle brightens, twice the angle brightens too.
    assert np.corrcoef(weak.ravel(), strong.ravel())[0, 1] > 0.4
    assert np.abs(strong).mean() > np.abs(weak).mean()


def test_images_draw_their_own_directions():
    leak = of_class("geometric")[1]

    assert len({planted(leak, name).tobytes() for name in "abcdef"}) == 2


def test_the_draws_are_those_of_every_machine():
    assert draws("a").integers(1000, size=3).tolist() == draws("a").integers(1000, size=3).tolist()
    assert draws("a").integers(2**60) != draws("b").integers(2**60)


def test_a_medium_copy_is_as_small_as_the_recipe_says():
    assert min(planted(of_class("medium_copy")[0]).shape) == MEDIUM.side


def test_equalisation_spreads_what_a_dark_corner_hides():
    dark = PIXELS.copy()
    dark[:128, :128] //= 8

    assert equalised(dark, draws("a"), OTHER)[:128, :128].std() > 1.3 * dark[:128, :128].std()


@pytest.mark.parametrize("leak", LEAKS, ids=NAMES.values())
def test_any_size_that_the_gate_takes_can_be_planted(leak):
    assert leak.plant(picture(3, (64, 48)), "a", OTHER)
