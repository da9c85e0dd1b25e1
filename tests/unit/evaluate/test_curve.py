import pytest
from support.drawn_listing import everything
from support.measured_references import TERMS

from cxrgate.evaluate.curve import false_flag_file
from cxrgate.index.false_flag_curve import FalseFlagCurve


def test_the_shipped_curve_has_no_patients_own_numbers_and_grows_with_size():
    content = false_flag_file(everything(), TERMS, {"retrieval": "a"})
    curve = FalseFlagCurve.from_json(content["curve"])

    assert curve.sizes == (10, 30, 100, 250)
    assert curve.copy(250, 0.05) > curve.copy(10, 0.05)
    assert content["models"] == {"retrieval": "a"}
    assert content["standout"]["verification"] == pytest.approx(0.5 / TERMS.head.slope)
