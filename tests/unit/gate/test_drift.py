import numpy as np

from cxrgate.gate.drift import REFERENCE, WINDOW, Drift


def scores(seed, count, shift=0.0):
    """What a verification model says of other patients: mostly small, with a tail."""
    return 1 / (1 + np.exp(4 - shift - np.random.default_rng(seed).normal(size=count)))


def noticed_at(drift, values, policy="p"):
    """How many scores it took; None where nothing was noticed."""
    return next((number for number, value in enumerate(values, 1) if drift.add(policy, value)), None)


def test_a_shift_of_three_tenths_of_a_deviation_is_noticed_after_two_windows():
    drift = Drift()

    assert noticed_at(drift, scores(0, REFERENCE + 4 * WINDOW)) is None
    assert noticed_at(drift, scores(1, 2 * WINDOW, shift=0.3)) == 2 * WINDOW
    assert drift.noticed


def test_scores_that_stay_as_they_were_are_no_drift():
    assert noticed_at(Drift(), scores(0, REFERENCE + 200 * WINDOW)) is None


def test_one_odd_window_is_no_drift():
    drift = Drift()
    noticed_at(drift, scores(0, REFERENCE))

    assert noticed_at(drift, [*scores(1, WINDOW, shift=1), *scores(2, WINDOW), *scores(3, WINDOW, shift=1)]) is None


def test_another_policy_has_another_reference():
    drift = Drift(200, 50)
    noticed_at(drift, scores(0, 200))

    assert noticed_at(drift, scores(1, 1000, shift=2), "other") is None


def test_after_somebody_looked_what_comes_is_the_reference():
    drift = Drift(200, 50)
    noticed_at(drift, [*scores(0, 200), *scores(1, 100, shift=2)])
    drift.acknowledge()

    assert noticed_at(drift, scores(2, 500, shift=2)) is None
    assert not drift.noticed
