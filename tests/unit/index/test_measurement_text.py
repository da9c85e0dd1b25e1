import dataclasses

from support.measured_references import TERMS, WITH_CURVE, mixed

from cxrgate.index.measurement_text import recognised, recognised_by, sentences
from cxrgate.index.measuring.measure import measure


def told(found, rate=0.05):
    return " ".join(sentences(found, rate))


def test_the_rate_its_basis_and_what_is_recognised_are_told():
    text = told(measure(mixed(500), TERMS))

    assert "5 % of unenrolled patients are flagged, measured on 500 patients of this snapshot" in text
    assert "Another radiograph of an enrolled patient:" in text
    assert "0.1 %:" in text
    assert "20 %:" in text


def test_what_is_recognised_is_told_at_the_promised_rate_alone():
    found = measure(mixed(500), TERMS)
    snapshot = {"parts": {"measurement": {"about": found.to_json()}}}

    assert recognised_by(snapshot, found.promise(0.1)) == recognised(found.at(0.1))
    assert recognised_by(snapshot, None) is None
    assert recognised_by({"parts": {}}, found.promise(0.1)) is None


def test_suspected_pairs_and_a_limit_are_told_and_only_where_there_are_some():
    found = measure(mixed(500), WITH_CURVE)
    point = dataclasses.replace(found.points[6], limited=True)
    points = (*found.points[:6], point, *found.points[7:])
    limited = dataclasses.replace(found, points=points, suspects=1234, by_chance=7)
    plain = dataclasses.replace(found, suspects=0, points=[dataclasses.replace(p, limited=False) for p in found.points])

    assert "1,234 pairs of patients" in told(limited)
    assert "7 are expected by chance" in told(limited)
    assert "held down by the curve" in told(limited)
    assert "pairs of patients" not in told(plain)
    assert "held down" not in told(plain)


def test_without_a_curve_it_is_said_that_nothing_limits_the_thresholds():
    assert "train false-flags" in told(measure(mixed(500), TERMS))
    assert "train false-flags" not in told(measure(mixed(500), WITH_CURVE))
