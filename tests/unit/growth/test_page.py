import re

import pytest
from support.drawn_listing import rows

from cxrgate.growth.extrapolation import extrapolate
from cxrgate.growth.growth import Growth
from cxrgate.growth.page import write_growth


@pytest.fixture(scope="module")
def growth():
    measured = rows()
    return Growth(measured, extrapolate(measured))


def test_the_page_has_plots_and_every_row_and_loads_nothing(growth, tmp_path):
    write_growth(growth, {"retrieval": "ab" * 32}, tmp_path)
    html = (tmp_path / "identity.html").read_text()

    assert html.count("<figure") == 3
    assert html.count("<tr>") == 2 + 3 * len(growth.rows) + len(growth.extrapolated)
    assert not re.search(r"<script|https?://", html)
    assert "nan" not in html


def test_the_tables_for_documents_state_the_measured_figures(growth, tmp_path):
    write_growth(growth, {}, tmp_path)
    costs, sizes, flagged = (tmp_path / "identity.md").read_text().split("\n\n")
    row = next(row for row in growth.rows if (row.protocol.value, row.references) == ("one_reference", 100))

    assert [line.split("|")[1].strip() for line in costs.splitlines()[2:]] == ["0.01", "0.05 (default)", "0.10"]
    assert f"| 100 | {row.recognised[0.01].value:.2f} (" in sizes
    assert "100,000, extrapolated" in sizes
    random = next(row for row in growth.rows if (row.protocol.value, row.references) == ("at_random", 100))
    assert f"{random.flagged[0.05].value:.3f}" in flagged


def test_where_nothing_could_be_drawn_there_is_a_page_all_the_same(tmp_path):
    write_growth(Growth(), {}, tmp_path)

    assert "<figure" not in (tmp_path / "identity.html").read_text()
