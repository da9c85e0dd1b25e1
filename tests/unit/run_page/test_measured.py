from support.measured_references import TERMS, mixed

from cxrgate.index.measuring.measure import measure
from cxrgate.run_page.measured import Measured


def snapshot(rows, about):
    """The snapshot of a run, with what it measured of itself."""
    return {**rows.run()["snapshot"], "parts": {"measurement": {"about": about}}}


def test_the_page_says_what_the_gate_can_see_and_draws_the_curve_with_the_rate_in_force(page, section, rows):
    checked = section(page(rows.typical(), snapshot=snapshot(rows, measure(mixed(500), TERMS).to_json())), "checked")

    assert "What this gate can see" in checked
    assert "Of the default rule, which did not decide here" in checked
    assert "Another radiograph of an enrolled patient:" in checked
    assert "The curve of the two rates" in checked
    assert "promised" not in checked.split("<svg", 1)[1].split("</svg>", 1)[0]  # a score decides this run: no rate is


def test_a_run_whose_snapshot_never_measured_itself_says_nothing_of_it(page, section, rows):
    assert "What this gate can see" not in section(page(rows.typical()), "checked")


def test_the_promised_rate_is_marked_and_its_sentences_told():
    found = Measured.of(measure(mixed(500), TERMS), 0.02)

    assert found.curve.marks[0].label == "promised 2 %"
    assert found.sentences[0].startswith("2 % of unenrolled patients")
    assert Measured.of(measure(mixed(500), TERMS), None).curve.marks == []
