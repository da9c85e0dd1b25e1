import dataclasses

import numpy as np
import pytest
from support.measured_references import TERMS, WITH_CURVE, mixed

from cxrgate.core.promise import Promise
from cxrgate.index.false_flag_curve import FalseFlagCurve
from cxrgate.index.measuring.asking import Answers, Queries
from cxrgate.index.measuring.fit import MATCH_LIMIT, TRUSTED, Fit
from cxrgate.index.measuring.measure import measure
from cxrgate.index.self_measurement import MATCHES

RATES = (0.001, 0.05, 0.5)


def queries(margins, copies=0.5, matches=0):
    count = len(margins)
    numbers = np.arange(count)
    return Queries(
        numbers,
        np.asarray(margins, np.float64),
        np.linspace(0.2, copies, count)[:, None],
        np.ones(count, np.int64),
        numbers,
        np.broadcast_to(np.asarray(matches, np.int64), count),
        np.zeros((count, 2), np.int64),
    )


def answers(margins, copies=0.5, matches=0):
    return Answers(queries(margins, copies, matches), queries([0.9, 0.1]))


def flat(margin, copy=0.9):
    """A curve that is the same at all sizes and rates."""
    row, same = (margin,) * 3, (copy,) * 3
    return dataclasses.replace(TERMS, curve=FalseFlagCurve((100, 1000), RATES, (row, row), (same, same)))


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_no_threshold_of_many_patients_is_higher_than_the_shipped_curve_allows(rate):
    high = Fit(flat(0.2), 600, answers(np.linspace(0.5, 0.9, 500), copies=1.0)).thresholds(rate)

    assert (high.beside, high.alone, high.cosines, high.limited) == (0.2, 0.2, {"copy": 0.9}, True)


def test_the_curve_raises_no_threshold():
    margins = np.linspace(-0.5, 0.1, 500)
    low = Fit(flat(0.2), 600, answers(margins)).thresholds(0.05)
    alone = Fit(TERMS, 600, answers(margins)).thresholds(0.05)

    assert low == alone
    assert not low.limited


def test_the_limit_is_where_the_curve_flags_three_quarters_of_the_rate():
    curve = WITH_CURVE.curve
    found = Fit(WITH_CURVE, 600, answers(np.full(500, 3.0))).thresholds(0.05)

    assert found.alone == pytest.approx(curve.margin(600, TRUSTED * 0.05))
    assert found.alone > curve.margin(600, 0.05)


def test_a_limited_point_says_what_is_flagged_and_promises_no_more():
    point = Fit(flat(0.6), 600, answers(np.linspace(0.5, 0.9, 500))).point(0.05)

    assert point.limited
    assert point.flagged.value == pytest.approx(0.75, abs=0.01)


def test_the_promise_of_a_limited_point_says_so():
    row = (0.9, -0.4, -0.5)
    curve = dataclasses.replace(WITH_CURVE.curve, margins=(row, row))
    found = measure(mixed(500), dataclasses.replace(TERMS, curve=curve))
    promise = found.promise(0.05)

    assert promise == Promise(0.05, found.patients, "limited")
    assert "more may be flagged" in str(promise)


MARGINS = np.random.default_rng(0).normal(0, 0.1, 1000)


def fitted(matches, *, matched=True):
    return Fit(TERMS, 1000, answers(MARGINS, matches=matches), matched=matched)


@pytest.mark.parametrize(("most", "threshold"), [(11, MATCHES), (50, 51), (90, MATCH_LIMIT)])
def test_the_threshold_of_matches_is_that_of_few_patients_within_limits(most, threshold):
    # 0.5 % of 1,000 patients are five.
    counted = np.where(np.arange(1000) < 6, most, 11)

    assert fitted(counted).thresholds(0.05).matches == threshold
    assert fitted(counted, matched=False).thresholds(0.05).matches is None


def test_matches_take_their_share_from_identity_and_the_rate_stays():
    counted = np.where(np.arange(1000) % 200 == 0, 60, 11)
    with_them, without = fitted(counted), fitted(counted, matched=False)

    assert with_them.thresholds(0.05).beside >= without.thresholds(0.05).beside
    assert with_them.point(0.05).flagged.value == pytest.approx(0.05, abs=0.003)
    assert with_them.point(0.05).matches == 61 or with_them.point(0.05).matches == 60


def test_where_nobody_was_asked_the_lowest_threshold_of_matches_stands():
    point = Fit(WITH_CURVE, 1000, None, matched=True).point(0.05)

    assert point.matches == MATCHES
    assert "matches" not in Fit(WITH_CURVE, 1000, None).point(0.05).to_json()
