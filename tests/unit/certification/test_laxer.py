"""What lets more pass than the default rule is told as that, and nothing else is."""

import pytest

from cxrgate.certification.laxer import certified_laxer, laxer_numbers, laxer_words

DEFAULT = {"candidates": 3, "score_threshold": 0.5, "copy_threshold": 0.9, "minimum_typicality": 0.1}


def laxer(name, certified, default):
    return [item["name"] for item in laxer_numbers({name: certified, "snapshot": "s"}, {name: default})]


@pytest.mark.parametrize(
    ("name", "certified", "default", "expected"),
    [
        ("score_threshold", 0.6, 0.5, True),
        ("score_threshold", 0.5, 0.5, False),
        ("score_threshold", 0.4, 0.5, False),
        ("minimum_typicality", 0.0, 0.1, True),
        ("minimum_typicality", 0.1, 0.1, False),
        ("minimum_typicality", 0.2, 0.1, False),
        ("candidates", 2, 3, True),
        ("candidates", 4, 3, False),
        ("copy_threshold", None, 0.9, True),
        ("copy_threshold", 0.9, None, False),
        ("minimum_frontality", None, None, False),
    ],
)
def test_a_higher_threshold_a_lower_minimum_or_none_is_laxer(name, certified, default, expected):
    assert laxer(name, certified, default) == [name] * expected


def test_what_a_rule_does_not_have_is_not_compared():
    assert laxer_numbers({"snapshot": "s"}, DEFAULT) == []


@pytest.mark.parametrize(
    ("name", "limit", "beyond"),
    [
        ("candidates", 3, 2),
        ("score_threshold", 0.5, 0.51),
        ("copy_threshold", 0.9, 0.91),
        ("minimum_typicality", 0.1, 0.09),
    ],
)
def test_a_certificate_of_format_1_is_held_against_the_rule_of_its_time(name, limit, beyond):
    assert certified_laxer({"binding": DEFAULT | {name: limit}}, {}) == []
    (found,) = certified_laxer({"binding": DEFAULT | {name: beyond}}, {})

    assert found == {"name": name, "certified": beyond, "default": limit}


def test_a_copy_model_brings_its_own_threshold_along():
    statement = {"binding": DEFAULT | {"copy_threshold": 0.8}}

    assert certified_laxer(statement, {"copy": {"threshold": 0.8}}) == []
    assert [item["default"] for item in certified_laxer(statement, {"copy": {"threshold": 0.7}})] == [0.7]
    assert certified_laxer(statement, {"copy": {}}) == []


def test_a_later_certificate_says_itself_what_is_laxer():
    own = [{"name": "candidates", "certified": 1, "default": 9}]

    assert certified_laxer({"laxer": own, "binding": DEFAULT | {"score_threshold": 1}}, {}) == own


def test_it_is_told_in_words():
    items = [
        {"name": "score_threshold", "certified": 1, "default": 0.5},
        {"name": "copy_threshold", "certified": None, "default": 0.9},
    ]

    assert laxer_words(items) == (
        "same-patient score threshold 1 instead of 0.5; copy similarity threshold none instead of 0.9"
    )
