import math

from support.drawn_listing import rows

from cxrgate.growth.extrapolation import extrapolate
from cxrgate.growth.growth import Growth
from cxrgate.growth.tables import figure_cell, growth_tables
from cxrgate.train.scoring.figures import Figure


def test_every_size_has_a_row_per_rate_and_every_extrapolation_its_check():
    measured = rows()
    one, two = growth_tables("models", Growth(measured, extrapolate(measured)))

    assert (one.row_count, two.row_count) == (3 * len(measured), 6)
    assert not list(growth_tables("models", Growth()))


def test_what_was_not_measured_is_a_dash():
    assert figure_cell(Figure(math.nan, math.nan, math.nan)) == "-"
    assert figure_cell(Figure(0.25, 0.2, 0.3)) == "0.250 (0.200-0.300)"
