import math

import numpy as np
import pytest

from cxrgate.planted.shares import of_patients, over_patients


@pytest.mark.parametrize(
    # Exact limits as in Clopper and Pearson 1934; 0 of n: 1 - 0.025^(1/n).
    ("hits", "count", "low", "high"),
    [(0, 10, 0, 1 - 0.025**0.1), (10, 10, 0.025**0.1, 1), (5, 10, 0.18709, 0.81291), (1, 20, 0.00127, 0.24873)],
)
def test_the_interval_is_the_exact_one(hits, count, low, high):
    figure = of_patients(np.arange(count) < hits)

    assert figure.value == hits / count
    assert (figure.low, figure.high) == (pytest.approx(low, abs=1e-5), pytest.approx(high, abs=1e-5))


@pytest.mark.parametrize("share", [of_patients, lambda hits: over_patients(hits, np.zeros(0, np.int64))])
def test_nothing_gives_no_figure(share):
    assert math.isnan(share(np.zeros(0, np.bool_)).value)


def test_a_patients_images_count_as_one_in_the_interval():
    hits = np.repeat(np.arange(20) % 2 == 0, 50)
    images, patients = over_patients(hits, np.arange(1000)), over_patients(hits, np.repeat(np.arange(20), 50))

    assert images.value == patients.value == 0.5
    assert patients.high - patients.low > 4 * (images.high - images.low)


def test_the_interval_is_the_same_every_time():
    hits, patients = np.arange(30) % 3 == 0, np.arange(30) // 2

    assert over_patients(hits, patients) == over_patients(hits, patients)
