"""The number of leaks that are expected in a set, against sets whose leaks are known."""

import numpy as np
import pytest

from cxrgate.release_report.formats.two.expected import RISK, expected_leaks

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3, 0.9])
@pytest.mark.parametrize("leaks", [1, 7, 60, 1000])
def test_it_is_without_bias_and_its_bound_is_broken_no_more_often_than_it_says(share, leaks):
    runs = 4000
    passed = RNG.binomial(leaks, share, runs)
    told = {n: expected_leaks(share, leaks - n, 100_000) for n in np.unique(passed)}
    expected = np.array([told[n][0] for n in passed])
    broken = np.mean([n > told[n][1] for n in passed])

    assert broken <= RISK + 3 * np.sqrt(RISK * (1 - RISK) / runs)
    spread = np.sqrt(leaks * share / (1 - share) / runs)
    assert expected.mean() == pytest.approx(leaks * share, abs=5 * spread)


def test_removed_images_that_are_no_leaks_only_make_it_larger():
    numbers = [expected_leaks(0.05, removed, 100_000) for removed in (0, 3, 50, 4000)]

    assert numbers == sorted(numbers)
    assert numbers[0] == (0, 1)  # where none was removed, a single leak may have passed: 5 % do


@pytest.mark.parametrize("share", [0.9, 0.99, 1.0])
def test_no_more_leaks_than_released_images(share):
    assert expected_leaks(share, 500, 40) == (40, 40)
