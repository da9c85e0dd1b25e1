import numpy as np
import pytest

from cxrgate.demo.anatomy import Patient
from cxrgate.demo.drawing import View, draw


def patient(seed):
    return Patient.sample(np.random.default_rng(seed))


def view(seed):
    return View.sample(np.random.default_rng(seed))


def difference(first, second):
    """Mean absolute difference of the pictures, brightness and contrast taken out."""
    pair = [(p.astype(float) - p.mean()) / p.std() for p in (first, second)]
    return np.mean(np.abs(pair[0] - pair[1]))


@pytest.fixture(scope="module")
def pictures():
    """Two views of each of sixteen patients, uint8[16, 2, 64, 64]."""
    return np.array([[draw(patient(n), view(100 + 2 * n + k), 64) for k in (0, 1)] for n in range(16)])


def test_equal_numbers_draw_equal_pictures():
    assert np.array_equal(draw(patient(1), view(2), 64), draw(patient(1), view(2), 64))


@pytest.mark.parametrize("size", [64, 256])
def test_picture_is_8_bit_grey_of_the_size_asked_for(size):
    picture = draw(patient(1), view(2), size)

    assert picture.shape == (size, size)
    assert picture.dtype == np.uint8


def test_two_views_of_a_patient_differ(pictures):
    assert min(difference(*views) for views in pictures) > 0.1


def test_two_patients_differ_more_than_two_views_of_one(pictures):
    others = [difference(a[0], b[1]) for i, a in enumerate(pictures) for j, b in enumerate(pictures) if i != j]

    assert 1.2 * np.mean([difference(*views) for views in pictures]) < np.mean(others)


def test_lungs_are_dark_between_the_bright_heart_and_abdomen():
    picture = draw(patient(3), View(noise=0), 128)
    lungs = picture[44:64, [*range(28, 48), *range(82, 100)]].mean()

    assert lungs < 0.7 * picture[44:64, 60:68].mean()
    assert lungs < 0.7 * picture[112:124, 40:88].mean()


def test_air_beside_the_body_is_black():
    assert draw(patient(3), View(noise=0), 128)[2:12, [2, 125]].max() < 20


def test_breathing_out_raises_the_diaphragm():
    def bright_rows(respiration):
        return (draw(patient(3), View(noise=0, respiration=respiration), 128)[:, 36] > 160).sum()

    assert bright_rows(-1) > bright_rows(1)


def test_more_exposure_of_the_depth_is_brighter():
    assert draw(patient(3), View(exposure=1.2), 64).mean() > draw(patient(3), View(exposure=0.8), 64).mean()


def test_collimator_leaves_a_black_border():
    picture = draw(patient(3), View(border=(0.1, 0.0, 0.0, 0.0)), 128)

    assert picture[:, :6].max() < 20


def test_enlarged_hearts_are_half_of_all():
    share = np.mean([patient(seed).cardiomegaly for seed in range(200)])

    assert 0.35 < share < 0.65


def test_a_wider_heart_is_what_makes_the_class():
    def width(seed):
        picture = draw(patient(seed), View(noise=0), 128).astype(float)
        return (picture[70:84, 20:108] > 130).mean()

    seeds = range(60)
    enlarged = [width(seed) for seed in seeds if patient(seed).cardiomegaly]
    normal = [width(seed) for seed in seeds if not patient(seed).cardiomegaly]
    assert np.mean(enlarged) > 1.2 * np.mean(normal)
