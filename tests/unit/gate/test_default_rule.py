import dataclasses
import json

import pytest
from support.measured_references import CURVE, TERMS, WITH_CURVE, mixed

from cxrgate.core import MismatchError, ModelError
from cxrgate.core.standout import Standout
from cxrgate.gate.config import PolicyConfig
from cxrgate.gate.default_rule import SCORE_THRESHOLD, thresholds
from cxrgate.gate.measurement_terms import FALSE_FLAGS, measurement_terms
from cxrgate.index.measuring.measure import measure
from cxrgate.index.self_measurement import MATCHES, RATES, Basis


@pytest.fixture(scope="module")
def measurement():
    return measure(mixed(), TERMS)


def test_the_default_rule_promises_five_percent(measurement):
    found, point = thresholds(PolicyConfig(), measurement), measurement.at(0.05)

    assert (found["score_threshold"], found["standout_threshold"]) == (None, point.standout)
    assert (found["copy_threshold"], found["standout"]) == (point.copy, measurement.standout)
    assert (found["promise"].rate, found["promise"].patients, found["promise"].basis) == (0.05, 500, "measured")


def test_another_rate_has_other_thresholds_and_its_own_promise(measurement):
    found = thresholds(PolicyConfig(false_flags=0.01), measurement)

    assert found["standout_threshold"] == measurement.at(0.01).standout > measurement.at(0.05).standout
    assert found["promise"].rate == 0.01


def test_a_rate_so_high_that_the_borderline_is_above_brings_it_down(measurement):
    found = thresholds(PolicyConfig(false_flags=0.5), measurement)

    assert found["borderline"] == found["standout_threshold"] < 0.4


def test_an_explicit_score_threshold_wins_and_nothing_is_promised(measurement):
    found = thresholds(PolicyConfig(score_threshold=0.7, false_flags=0.01), measurement)

    assert found == {"score_threshold": 0.7, "borderline": 0.4, "copy_threshold": "default", "match_threshold": None}


def test_thresholds_set_by_hand_promise_nothing(measurement):
    by_hand = thresholds(PolicyConfig(standout_threshold=0.8), measurement)
    copy = thresholds(PolicyConfig(copy_threshold=0.95), measurement)

    assert (by_hand["standout_threshold"], by_hand["promise"]) == (0.8, None)
    assert (copy["copy_threshold"], copy["promise"]) == (0.95, None)


def test_without_the_copy_space_identity_has_the_whole_rate(measurement):
    found = thresholds(PolicyConfig(copy_threshold=None), measurement)

    assert found["standout_threshold"] == measurement.at(0.05).standout_alone
    assert found["copy_threshold"] is None


def test_a_snapshot_that_never_measured_itself_is_refused_by_name_unless_the_score_decides():
    with pytest.raises(MismatchError, match="cxrgate index measure"):
        thresholds(PolicyConfig(), None)
    assert thresholds(PolicyConfig(score_threshold=0.5), None)["score_threshold"] == 0.5


def test_where_nothing_could_be_measured_the_score_is_held_against_one_half():
    nothing = measure(mixed(20), TERMS)
    found = thresholds(PolicyConfig(), nothing)

    assert nothing.basis is Basis.NOTHING
    assert found == {
        "score_threshold": SCORE_THRESHOLD,
        "borderline": 0.4,
        "copy_threshold": "default",
        "match_threshold": None,
    }


def written(folder, **changes):
    value = {
        "models": {},
        "standout": Standout(0.5, 0.05, 0.2).to_json(),
        "copy_limit": 0.93,
        "curve": CURVE.to_json(),
        **changes,
    }
    (folder / FALSE_FLAGS).write_text(json.dumps(value))
    return measurement_terms(folder, {}, TERMS.head)


def test_what_is_shipped_with_the_models_is_read(tmp_path):
    terms = written(tmp_path)

    assert (terms.curve, terms.copy_limit, terms.standout.identity) == (CURVE, 0.93, 0.5)
    assert terms.head == TERMS.head


def test_other_models_make_nothing_of_it(tmp_path):
    terms = written(tmp_path, models={"retrieval": "another"})

    assert terms == measurement_terms(tmp_path / "nowhere", {}, TERMS.head)
    assert terms.curve is None
    assert terms.copy_limit == pytest.approx(0.9 + 0.1 / 3)


def test_a_damaged_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=FALSE_FLAGS):
        written(tmp_path, curve={"sizes": [1]})


def test_terms_come_back_from_their_json():
    assert type(WITH_CURVE).from_json(json.loads(json.dumps(WITH_CURVE.to_json()))) == WITH_CURVE
    assert dataclasses.replace(WITH_CURVE, curve=None) == TERMS


def test_copies_are_borderline_from_where_twice_the_share_would_be_flagged(measurement):
    found = thresholds(PolicyConfig(), measurement)

    assert found["copy_borderline"] == measurement.at(0.1).copy < found["copy_threshold"]
    assert thresholds(PolicyConfig(copy_threshold=0.01), measurement)["copy_borderline"] == 0.01
    assert thresholds(PolicyConfig(false_flags=0.5), measurement)["copy_borderline"] == measurement.at(0.5).copy
    assert "copy_borderline" not in thresholds(PolicyConfig(copy_threshold=None), measurement)


def test_where_nothing_was_measured_the_score_is_held_against_a_half(measurement):
    nothing = dataclasses.replace(measurement, basis=Basis.NOTHING)

    assert thresholds(PolicyConfig(), nothing)["score_threshold"] == SCORE_THRESHOLD == 0.5
    # A borderline above it that somebody gave is not brought down without a word: the policy then refuses it.
    assert thresholds(PolicyConfig(borderline=0.6), nothing)["borderline"] == 0.6


@pytest.mark.parametrize("rate", [0.3, 0.45])
def test_pictures_are_listed_from_the_threshold_of_the_largest_rate_where_twice_the_rate_is_more(measurement, rate):
    found = thresholds(PolicyConfig(false_flags=rate), measurement)

    assert found["copy_borderline"] == min(measurement.at(rate).copy, measurement.at(RATES[-1]).copy)


def test_matches_are_asked_for_where_the_rule_has_the_key_alone(measurement):
    by_hand, auto = (thresholds(PolicyConfig(match_threshold=value), measurement) for value in (40, "auto"))

    assert thresholds(PolicyConfig(), measurement)["match_threshold"] is None
    assert (by_hand["match_threshold"], by_hand["promise"]) == (40, None)
    assert (auto["match_threshold"], auto["promise"].rate) == (MATCHES, 0.05)


def test_auto_is_what_the_snapshot_measured(measurement):
    points = tuple(dataclasses.replace(point, matches=50) for point in measurement.points)
    measured = dataclasses.replace(measurement, points=points)

    for rule in (PolicyConfig(match_threshold="auto"), PolicyConfig(score_threshold=0.7, match_threshold="auto")):
        assert thresholds(rule, measured)["match_threshold"] == 50
