"""A generator that knows its few images by heart."""

import numpy as np
import pytest
from support.fakes import picture

from cxrgate.planted.classes.geometry import resized
from cxrgate.planted.generator import SIDE, fit_generator
from cxrgate.planted.leak import draws

PICTURES = [picture(seed, (150, 140)) for seed in range(3)]


@pytest.fixture(scope="module")
def generator():
    return fit_generator(PICTURES, steps=60)


def distance(generator, source, strength, picture):
    sample = generator.draw(source, strength, draws("a")).astype(float)
    return np.sqrt(np.mean((sample - resized(picture, SIDE, SIDE)) ** 2))


def test_what_it_remembers_is_nearest_to_the_source(generator):
    for source in range(3):
        distances = [distance(generator, source, 0, picture) for picture in PICTURES]
        assert np.argmin(distances) == source
        assert min(distances) < 0.6 * sorted(distances)[1]


def test_noise_leads_away_from_the_source(generator):
    weak, strong = (
        np.mean([distance(generator, source, strength, PICTURES[source]) for source in range(3)])
        for strength in (0.1, 0.7)
    )

    assert strong > 1.2 * weak


def test_equal_seeds_give_equal_samples():
    first, second = (fit_generator(PICTURES, seed=3, steps=3).draw(1, 0.3, draws("b")) for _ in range(2))

    assert (first == second).all()
    assert (first != fit_generator(PICTURES, seed=4, steps=3).draw(1, 0.3, draws("b"))).any()


def test_each_step_of_the_fit_is_told():
    told = []
    fit_generator(PICTURES, steps=3, progress=lambda *step: told.append(step))

    assert told == [("fit a generator", 1, 3)] * 3
