from support.drawn_listing import everything, rows
from support.measured_references import TERMS

from cxrgate.growth.galleries import Protocol
from cxrgate.growth.measure import ALL, Drawing, measure_growth


def test_sizes_are_exact_and_those_that_cannot_be_made_are_left_out():
    found = rows()

    assert {row.references for row in found} == {50, 100, 200}
    assert {row.protocol for row in found} == set(Protocol)
    assert all(0 <= row.flagged[0.05].value <= 0.3 for row in found)
    one = [row for row in found if row.protocol is Protocol.ONE_REFERENCE]
    assert all(row.recognised[0.1].value >= row.recognised[0.01].value > 0.1 for row in one)


def test_a_source_has_its_own_rows():
    few = Drawing((50,), 2, (Protocol.AT_RANDOM,))
    found = measure_growth(everything(), TERMS, (ALL, "one", "another"), drawing=few)

    assert [row.source for row in found] == [ALL, "one"]
    assert found[0].flagged == found[1].flagged
