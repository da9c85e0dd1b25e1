import pytest
from support.measured_references import TERMS, WITH_CURVE, drawn, mixed

from cxrgate.index.measuring.measure import measure
from cxrgate.plots.plot import BOTTOM, LEFT, RIGHT, TOP, Axis
from cxrgate.plots.rates import rates_plot


def test_the_curve_falls_from_few_flags_to_many_and_marks_the_rate_in_force():
    found = rates_plot(measure(mixed(500), TERMS), 0.05)
    curve = found.series[0]
    across, up = zip(*curve.points, strict=True)

    assert list(across) == sorted(across)
    assert list(up) == sorted(up)  # downwards in the drawing: fewer are missed
    assert across[0] == LEFT
    assert all(LEFT <= x <= RIGHT and TOP <= y <= BOTTOM for x, y in curve.points)
    assert found.marks[0].label == "promised 5 %"
    assert len(found.series) == 3


def test_without_a_patient_of_two_references_there_is_no_curve():
    assert rates_plot(measure(drawn(30, 1), WITH_CURVE), 0.05) is None


def test_normal_deviates_place_a_half_in_the_middle_of_a_symmetric_axis():
    axis = Axis("share", 0.01, 0.99, (), normal=True)

    assert axis.share(0.5) == pytest.approx(0.5)
    assert axis.share(0.1) + axis.share(0.9) == pytest.approx(1)
    assert (axis.share(0), axis.share(1)) == (0, 1)
