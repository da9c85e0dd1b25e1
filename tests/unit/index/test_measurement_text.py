import dataclasses

from support.measured_references import TERMS, WITH_CURVE, drawn, mixed

from cxrgate.core.promise import Promise
from cxrgate.index.measurement_text import recognised, recognised_by, sentences
from cxrgate.index.measuring.measure import measure
from cxrgate.index.self_measurement import Share


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

    assert recognised_by(snapshot, found.promise(0.1)) == recognised(found, 0.1)
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


def test_patients_who_share_a_picture_are_told_with_what_finds_them():
    few, more = (dataclasses.replace(measure(mixed(60), WITH_CURVE), sharing=count) for count in (1, 2))
    nothing = dataclasses.replace(measure(mixed(20), TERMS), sharing=1)

    assert "1 pair of patients shares a picture" in told(few)
    assert "2 pairs of patients share a picture" in told(more)
    assert "`cxrgate duplicates`" in told(few)
    assert "shares a picture" in told(nothing)
    assert "a picture" not in told(measure(mixed(60), WITH_CURVE))


def test_what_was_not_measured_is_told_with_the_true_reason():
    references = drawn(60, 2)
    # Twenty patients have one picture.
    references.cosines["copy"][:40:2] = references.cosines["copy"][0]
    sharing, alone = measure(references, WITH_CURVE), measure(drawn(60), WITH_CURVE)
    found = measure(mixed(60), WITH_CURVE)
    nobody_twice = dataclasses.replace(
        found, points=tuple(dataclasses.replace(point, recognised=()) for point in found.points)
    )

    assert recognised(sharing, 0.05).endswith("not measured, because patients share pictures.")
    assert recognised(alone, 0.05).endswith("not measured, because every image is its own patient.")
    assert recognised(nobody_twice, 0.05).endswith("not measured, no patient has two references.")


def test_one_of_a_kind_is_told_as_one():
    found = dataclasses.replace(measure(mixed(60), WITH_CURVE), suspects=1, by_chance=1, left_out=1)

    assert "1 pair of patients resembles each other" in told(found)
    assert "1 is expected by chance" in told(found)
    assert "1 patient was left out" in told(found)
    assert "measured on 1 patient of" in str(Promise(0.05, 1, "measured"))
    assert str(Share(0.5, 0.1, 0.9, 1)).endswith(", 1 patient)")


def test_without_a_curve_it_is_said_that_nothing_limits_the_thresholds():
    assert "train false-flags" in told(measure(mixed(500), TERMS))
    assert "in this dtype" in measure(mixed(20), TERMS).reason
    assert "train false-flags" not in told(measure(mixed(500), WITH_CURVE))
