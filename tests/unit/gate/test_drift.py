import numpy as np

from cxrgate.gate.drift import REFERENCE, WINDOW, Drift


def scores(seed, count, shift=0.0):
    """What a verification model says of other patients: mostly small, with a tail."""
    return 1 / (1 + np.exp(4 - shift - np.random.default_rng(seed).normal(size=count)))


def noticed_at(drift, values, policy="p", identity="a"):
    """How many scores it took; None where nothing was noticed."""
    return next((number for number, value in enumerate(values, 1) if drift.add(policy, identity, value)), None)


def test_a_shift_of_three_tenths_of_a_deviation_is_noticed_after_two_windows():
    drift = Drift()

    assert noticed_at(drift, scores(0, REFERENCE + 4 * WINDOW)) is None
    assert noticed_at(drift, scores(1, 2 * WINDOW, shift=0.3)) == 2 * WINDOW
    assert drift.has_stopped("a")


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
    assert not drift.has_stopped("a")


def drifting(drift, *identities):
    """Have these identities' scores drift, one after another."""
    for identity in identities:
        assert noticed_at(drift, [*scores(0, 200), *scores(1, 100, shift=2)], identity=identity) == 300


def steady(drift, *identities):
    for identity in identities:
        assert noticed_at(drift, scores(0, 400), identity=identity) is None


def test_the_scores_of_one_identity_stop_nobody_else():
    drift = Drift(200, 50)
    steady(drift, "b")
    drifting(drift, "a")

    assert [drift.has_stopped(each) for each in "abc"] == [True, False, False]
    assert not drift.noticed


def test_no_mixture_of_identities_is_drift():
    drift = Drift(200, 50)
    for identity, shift, count in [("a", 0, 200), ("b", 3, 200), ("b", 3, 900), ("a", 0, 900), ("b", 3, 900)]:
        assert noticed_at(drift, scores(count, count, shift), identity=identity) is None


def test_drift_of_half_of_the_identities_stops_all():
    drift = Drift(200, 50)
    steady(drift, "c", "d")
    drifting(drift, "a")
    assert not drift.noticed
    drifting(drift, "b")

    assert [drift.has_stopped(each) for each in "abcde"] == [True] * 5


def test_drift_of_fewer_identities_does_not():
    drift = Drift(200, 50)
    steady(drift, *"cde")
    drifting(drift, "a", "b")

    assert [drift.has_stopped(each) for each in "abc"] == [True, True, False]


def test_what_was_noticed_before_a_restart_stops_the_same_identities():
    one, all_ = Drift(), Drift()
    one.recall("a")
    all_.recall(None)

    assert ([one.has_stopped(each) for each in "ab"], one.stopped, one.noticed) == ([True, False], ["a"], False)
    assert ([all_.has_stopped(each) for each in "ab"], all_.stopped, all_.noticed) == ([True, True], [], True)


def test_after_somebody_looked_the_others_keep_their_reference():
    drift = Drift(200, 50)
    steady(drift, "b")
    drifting(drift, "a")
    drift.acknowledge()

    assert noticed_at(drift, scores(3, 100, shift=2), identity="b") == 100
    assert noticed_at(drift, scores(3, 300, shift=2), identity="a") is None
