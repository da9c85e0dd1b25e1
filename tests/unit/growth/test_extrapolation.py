import dataclasses

import pytest
from support.drawn_listing import rows

from cxrgate.growth.extrapolation import FAR, extrapolate
from cxrgate.growth.measure import RATES
from cxrgate.train.scoring.figures import Figure


def test_the_fit_goes_through_the_measured_shares():
    measured = rows()
    found = extrapolate(measured)

    assert {item.rate for item in found} == set(RATES)
    for item in found:
        assert set(item.shares) == set(FAR)
        assert all(share.low < share.value < share.high for share in item.shares.values())
        assert item.largest == 200
    straight = [
        dataclasses.replace(row, recognised={rate: Figure(0.3, 0.2, 0.4) for rate in RATES}) for row in measured
    ]
    assert extrapolate(straight)[0].shares[FAR[1]].value == pytest.approx(0.3)
