"""A run is held against what its configuration requires, and against nothing that follows from snapshot or models."""

import pytest

from cxrgate.verify_run.configured import Configured, changed_configuration
from cxrgate.verify_run.records import Records

BY_SCORE = {"snapshot": "s", "candidates": 3, "score_threshold": 0.3, "borderline": 0.3, "copy_threshold": 0.9}
BY_STANDOUT = {"snapshot": "s", "candidates": 3, "score_threshold": None, "standout_threshold": 0.4, "borderline": 0.4}


def told(policy, certification="uncertified", **configured):
    records = Records({}, {"policy": policy, "certification": certification})
    return [item.told for item in changed_configuration(records, Configured(snapshot="s", **configured))]


@pytest.mark.parametrize(
    ("policy", "numbers"),
    [
        (BY_SCORE, {"score_threshold": 0.3, "borderline": 0.4, "candidates": 3}),
        (BY_SCORE, {"score_threshold": 0.3, "standout_threshold": 0.8, "false_flags": 0.01}),
        ({**BY_SCORE, "score_threshold": 0.5}, {"standout_threshold": 0.8}),
        (BY_STANDOUT, {"standout_threshold": 0.4, "match_threshold": None}),
        (BY_STANDOUT, {}),
    ],
)
def test_the_run_of_the_configuration_holds(policy, numbers):
    assert told(policy, numbers=numbers) == []


@pytest.mark.parametrize(
    ("policy", "numbers", "name"),
    [
        (BY_SCORE, {"score_threshold": 0.2}, "score_threshold"),
        (BY_SCORE, {}, "score_threshold"),
        (BY_STANDOUT, {"standout_threshold": 0.2}, "standout_threshold"),
        (BY_STANDOUT, {"candidates": 5}, "candidates"),
        (BY_STANDOUT, {"borderline": 0.2}, "borderline"),
        (BY_STANDOUT, {"match_threshold": 44}, "match_threshold"),
        ({**BY_SCORE, "score_threshold": 0.5}, {"copy_threshold": None}, "copy_threshold"),
    ],
)
def test_another_number_is_named(policy, numbers, name):
    assert [each.partition(":")[0] for each in told(policy, numbers=numbers)] == [name]


def test_a_rule_by_the_score_is_not_that_of_a_run_by_the_standout():
    assert len(told(BY_STANDOUT, numbers={"score_threshold": 0.3})) == 2


def test_another_snapshot_and_another_side_are_named():
    found = told({**BY_STANDOUT, "snapshot": "t"}, side=512)
    assert found == [
        "side: the configuration has 512, the run had None",
        "snapshot: the configuration has s, the run had t",
    ]


def test_a_required_certificate_is_missed_in_the_run_and_beside_the_snapshot():
    assert told(BY_STANDOUT, certified=True) == [
        "states uncertified, and the configuration requires a certificate",
        "the configuration requires one, and there is none beside its snapshot",
    ]
    assert told(BY_STANDOUT, "ab" * 32, certified=True, certificate=True) == []


def test_numbers_that_a_certificate_has_in_place_of_the_configuration_are_its_own():
    assert told(BY_SCORE, "ab" * 32, certified=True, certificate=True) == []


def test_a_certificate_is_claimed_of_no_run_that_needs_none():
    assert told(BY_STANDOUT, "ab" * 32) == [
        f"states {'ab' * 32}, and the configuration requires no certificate, so that no run by it has one"
    ]


PROMISED = {**BY_STANDOUT, "promise": {"rate": 0.05, "patients": 0, "basis": "shipped"}, "copy_threshold": 0.9}


@pytest.mark.parametrize(
    ("policy", "numbers", "names"),
    [
        (PROMISED, {}, []),
        ({**PROMISED, "promise": None}, {"standout_threshold": 0.4}, []),
        ({**PROMISED, "promise": {**PROMISED["promise"], "rate": 0.001}}, {}, ["false_flags"]),
        ({**PROMISED, "promise": None}, {}, ["false_flags"]),
        (PROMISED, {"standout_threshold": 0.4}, ["false_flags"]),
        ({**PROMISED, "copy_threshold": None}, {}, ["copy_threshold"]),
    ],
)
def test_without_the_snapshot_the_rate_is_compared_and_what_has_to_have_a_number(policy, numbers, names):
    found = told(policy, numbers=numbers, asked=["copy_threshold"], false_flags=0.05)
    assert [each.partition(":")[0] for each in found] == names


def test_with_the_snapshot_every_number_is_compared():
    resolved = {**PROMISED, "minimum_frontality": 0.5}
    assert told({**PROMISED, "minimum_frontality": 0.5}, resolved=resolved) == []
    laxer = {**PROMISED, "copy_threshold": 1.0, "minimum_frontality": None, "promise": None}
    assert [each.partition(":")[0] for each in told(laxer, resolved=resolved)] == [
        "promise",
        "copy_threshold",
        "minimum_frontality",
    ]


def test_what_the_record_says_of_the_snapshot_is_what_it_says_of_itself():
    records = Records({}, {"policy": BY_STANDOUT, "certification": "uncertified", "snapshot": {"references": 1}})
    configured = Configured(snapshot="s", about={"references": 60, "patients": 60})
    assert [item.told for item in changed_configuration(records, configured)] == [
        "snapshot.references: the configuration has 60, the run had 1"
    ]
