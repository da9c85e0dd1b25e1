"""The short form of `make load` and `make soak`, and what their figures are made of.

A machine that runs other tests says nothing about speed: here limits are those of right answers, not of time.
"""

import math

import numpy as np
import pytest
from load.figures import Figure, Scenario, milliseconds, of_kind, wrong
from load.generator import arrivals
from load.host import loaded_gate
from load.scenarios import Bench
from load.soak import Watch, soak


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    with loaded_gate(tmp_path_factory.mktemp("load")) as made:
        yield made


def test_every_answer_under_load_is_the_one_that_an_image_gets_alone(gate):
    """More at once than a gate takes of one caller; how many of them are refused is the machine's affair."""
    flow = {"name": "b", "identity": "heavy", "arrivals": "burst", "rate": 1, "seconds": 1, "every": 1, "size": 200}
    records = gate.offer(flow)["b"]

    assert wrong(records) == ()
    assert len(of_kind(records, "answered")) + len(of_kind(records, "refused")) == 200


def test_a_short_soak_ends_without_an_error_and_keeps_no_threads_or_descriptors(gate):
    found = soak(Bench(gate, 10.0, 12.0))
    figures = {figure.name: figure for figure in found.figures}

    assert found.wrong == ()
    assert figures["refused"].value == 0
    assert not figures["threads more"].violated
    assert not figures["descriptors more"].violated


def test_an_answer_that_is_not_the_images_own_is_a_violation(gate):
    """The generator notices: each image is held against what another one gets."""
    shifted = [*gate.expected[1:], gate.expected[0]]
    flow = {"name": "w", "identity": "light1", "arrivals": "constant", "rate": 20, "seconds": 1}
    found = wrong(gate.offer(flow, expected=shifted)["w"])

    assert found
    assert Scenario("shifted", (), found).violations


def test_a_figure_beyond_its_limit_is_a_violation_and_no_number_is_too():
    assert not Figure("a", 1.0, at_most=2, at_least=1).violated
    for value in (0.9, 2.1, math.nan):
        assert Figure("a", value, at_most=2, at_least=1).violated
    assert not Figure("a", math.nan).violated


def test_poisson_arrivals_have_the_rate_and_the_spread_of_such():
    gaps = np.diff(arrivals({"arrivals": "poisson", "rate": 50, "seconds": 100}))

    assert gaps.mean() == pytest.approx(1 / 50, rel=0.05)
    assert gaps.std() == pytest.approx(1 / 50, rel=0.05)


def test_constant_arrivals_and_bursts_are_due_when_they_should_be():
    assert list(arrivals({"arrivals": "constant", "rate": 4, "seconds": 1})) == [0, 0.25, 0.5, 0.75]
    burst = {"arrivals": "burst", "rate": 1, "seconds": 5, "every": 4, "size": 2}
    assert list(arrivals(burst)) == [0, 0, 4, 4]


def test_memory_that_grows_is_seen():
    watch = Watch([(second, 100 + second / 30, 10, 5 + (second > 50)) for second in range(100)])

    assert watch.slope(20) == pytest.approx(2.0)
    assert (watch.more(2, 20), watch.more(3, 20)) == (0, 1)


def test_latency_of_nothing_is_no_number():
    assert math.isnan(milliseconds([], 0.99))
