import dataclasses

import numpy as np
import pytest
from support.measured_references import TERMS, drawn

from cxrgate.evaluate import growth
from cxrgate.evaluate.curve import false_flag_file
from cxrgate.evaluate.growth import Everything, Protocol, Scores, extrapolate, measure_growth
from cxrgate.index.false_flag_curve import FalseFlagCurve
from cxrgate.index.measuring import _Asking
from cxrgate.index.nearest_patients import number_patients


@pytest.fixture(scope="module")
def everything():
    references = drawn(420, np.arange(420) % 2 + 1)
    patients = number_patients(references.patient_keys)
    seen = patients % 3 == 0
    return Everything(references, patients, ["one"] * len(patients), ~seen, seen)


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    monkeypatch.setattr(growth, "DRAWS", 3)
    monkeypatch.setattr(growth, "SIZES", (50, 100, 200, 100_000))


def test_it_asks_as_a_snapshot_measures_itself(everything):
    gallery = np.flatnonzero(everything.patients < 150)
    rows = gallery[::7]
    own = everything.patients[gallery]
    part = dataclasses.replace(
        everything.references,
        **{name: getattr(everything.references, name)[gallery] for name in ("identity", "features", "copy")},
        patient_keys=everything.references.patient_keys[gallery],
    )
    asking = _Asking(part, TERMS, own)
    places = np.searchsorted(gallery, rows)
    expected = asking.ask(places, [np.flatnonzero(own == own[place]) for place in places])
    found = Scores(everything, TERMS).ask(rows, gallery, as_unenrolled=True)

    assert found.margins == pytest.approx(expected.margins, abs=1e-5)
    assert found.copies == pytest.approx(expected.copies, abs=1e-5)


def test_sizes_are_exact_and_those_that_cannot_be_made_are_left_out(everything):
    rows = measure_growth(everything, TERMS, [])

    assert {row.references for row in rows} == {50, 100, 200}
    assert {row.protocol for row in rows} == set(Protocol)
    assert all(0 <= row.flagged[0.05].value <= 0.3 for row in rows)
    one = [row for row in rows if row.protocol is Protocol.ONE_REFERENCE]
    assert all(row.recognised[0.1].value >= row.recognised[0.01].value > 0.1 for row in one)


def test_seen_patients_only_fill_what_the_others_leave_empty(everything):
    rows = {(row.protocol, row.references): row for row in measure_growth(everything, TERMS, [])}

    assert rows[Protocol.ONE_REFERENCE, 100].filled == 0
    assert rows[Protocol.ONE_REFERENCE, 200].filled > 0


def test_the_fit_goes_through_the_measured_shares(everything):
    rows = measure_growth(everything, TERMS, [])
    found = extrapolate(rows)

    assert {item.rate for item in found} == set(growth.RATES)
    for item in found:
        assert item.share.low < item.share.value < item.share.high
        assert item.largest == 200
    straight = [
        dataclasses.replace(row, recognised={rate: growth.Figure(0.3, 0.2, 0.4) for rate in growth.RATES})
        for row in rows
    ]
    assert extrapolate(straight)[0].share.value == pytest.approx(0.3)


def test_the_shipped_curve_has_no_patients_own_numbers_and_grows_with_size(everything):
    content = false_flag_file(everything, TERMS, {"retrieval": "a"})
    curve = FalseFlagCurve.from_json(content["curve"])

    assert curve.sizes == (10, 30, 100, 250)
    assert curve.copy(250, 0.05) > curve.copy(10, 0.05)
    assert content["models"] == {"retrieval": "a"}
    assert content["standout"]["verification"] == pytest.approx(0.5 / TERMS.head.slope)
