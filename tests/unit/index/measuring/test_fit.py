import dataclasses

import numpy as np
import pytest
from support.measured_references import TERMS, WITH_CURVE, mixed

from cxrgate.core.promise import Promise
from cxrgate.index.false_flag_curve import FalseFlagCurve
from cxrgate.index.measuring.asking import Answers, Queries
from cxrgate.index.measuring.fit import TRUSTED, Fit
from cxrgate.index.measuring.measure import measure

RATES = (0.001, 0.05, 0.5)


def queries(margins, copies=0.5):
    count = len(margins)
    numbers = np.arange(count)
    return Queries(
        numbers,
        np.asarray(margins, np.float64),
        np.linspace(0.2, copies, count)[:, None],
        np.ones(count, np.int64),
        numbers,
    )


def answers(margins, copies=0.5):
    return Answers(queries(margins, copies), queries([0.9, 0.1]))


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
