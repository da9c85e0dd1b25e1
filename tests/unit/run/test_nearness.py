import math

import numpy as np
import pytest
from support.fakes import POLICY

from cxrgate.core.spaces import COPY
from cxrgate.run.nearness import SHOWN, nearest, nearness

ODDS = np.array([0.1, 0.1, 0.1, 0.45, math.nan])
ALIKE = {COPY.name: np.array([0.6, 0.6, 0.85, 0.6, math.nan])}


def test_an_image_at_a_threshold_has_one_and_the_usual_image_none():
    found = nearness(POLICY, np.array([0.1, 0.1, 0.5]), {COPY.name: np.array([0.6, 0.6, 0.6])})

    assert found.tolist() == pytest.approx([0, 0, 1])


def test_scales_are_made_equal_and_the_nearer_threshold_counts():
    found = nearness(POLICY, ODDS, ALIKE)

    assert found[2] == pytest.approx((0.85 - 0.6) / 0.3)
    assert found[3] == pytest.approx((0.45 - 0.1) / 0.4)
    assert math.isnan(found[4])


def test_the_released_ones_nearest_to_a_threshold_come_first():
    released = np.array([True, False, True, True, True])

    assert nearest(nearness(POLICY, ODDS, ALIKE), released).tolist() == [3, 2, 0]


def test_no_more_than_ten_are_named():
    assert len(nearest(np.arange(50.0), np.ones(50, bool))) == SHOWN == 10


def test_a_set_whose_usual_image_lies_above_a_threshold_still_has_an_order():
    found = nearness(POLICY, np.array([0.1, 0.6, 0.7]), {COPY.name: np.full(3, 0.99)})

    assert np.isfinite(found).all()
    assert found[0] <= found[1] < found[2] or found[0] == found[1]
