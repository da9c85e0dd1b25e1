"""Decisions made again from recorded numbers are those of the policy, and one that is none is named."""

import numpy as np
import pandas as pd
import pytest
from support.released_set import audit_case
from support.run_results import checked, evidence_of, failed, policy, write_results

from cxrgate.core.standout import Cohort, Standout
from cxrgate.release_report.decided_again import changed_decisions, decide_again
from cxrgate.release_report.records import read_records

FRONTAL = {"minimum_frontality": 0.5}
ROWS = [
    checked("clear.png", score=0.1, frontality=0.9),
    checked("near.png", score=0.45, frontality=0.6),
    checked("same.png", score=0.9, similarity=0.95, frontality=0.9),
    checked("hand.png", score=0.9, frontality=0.5),
    checked("side.png", typicality=0.1, frontality=0.9),
    failed("cut.png"),
]


def test_cases_are_decided_by_the_policy():
    rows = [
        audit_case("a", "x", "y", score=0.5),
        audit_case("b", "x", "y", similarity=0.9),
        audit_case("c", "x", "y", score=0.6, similarity=0.95),
        audit_case("d", "x", "y", typicality=0.3),
        audit_case("e", "x", "y", score=0.6, typicality=0.3),
        audit_case("f", "x", "y", score=float("nan"), reasons="TRUNCATED", failed=True),
        audit_case("g", "x", "y", score=0.6, frontality=0.5),
        audit_case("h", "x", "y", reasons="STRANGER", decision="INDETERMINATE", frontality=0.6),
        audit_case("i", "x", "y", frontality=float("nan")),
        audit_case("j", "x", "y", reasons="COPY", decision="NOT_ANONYMOUS"),
    ]
    found = decide_again(pd.DataFrame(rows), policy(**FRONTAL).to_json())

    assert list(zip(found["decision"], found["reasons"], strict=True)) == [
        ("NOT_ANONYMOUS", "SAME_PATIENT"),
        ("NOT_ANONYMOUS", "COPY"),
        ("NOT_ANONYMOUS", "SAME_PATIENT;COPY"),
        ("INDETERMINATE", "ATYPICAL"),
        ("NOT_ANONYMOUS", "SAME_PATIENT"),
        ("INDETERMINATE", "TRUNCATED"),
        ("INDETERMINATE", "STRANGER;SAME_PATIENT"),
        ("ANONYMOUS", ""),
        ("INDETERMINATE", "SCORE_INVALID"),
        ("ANONYMOUS", ""),
    ]


def test_cases_are_decided_by_the_candidate_that_stands_out_where_the_standout_decides():
    standout = Standout(0.5, 0.05, 0.2, 20.0)
    rule = policy(score_threshold=None, standout_threshold=0.5, standout=standout).to_json()
    rows = [
        {
            **audit_case(name, "x", "y", score=0.99),
            "near_distance": distance,
            "near_score": 0.5,
            "cohort_mean": 0.1,
            "cohort_spread": 0.05,
            "cohort_size": 10.0,
        }
        for name, distance in (("near", 0.5), ("far", 1.5), ("nowhere", float("nan")))
    ]
    found = decide_again(pd.DataFrame(rows), rule)
    expected = [standout(np.array([d]), np.array([0.5]), Cohort(0.1, 0.05, 10))[0] >= 0.5 for d in (0.5, 1.5)]

    assert expected == [True, False]
    assert found["decision"].tolist() == ["NOT_ANONYMOUS", "ANONYMOUS", "INDETERMINATE"]


def test_a_policy_without_frontality_asks_for_none():
    rows = [audit_case("a", "x", "y", frontality=value) for value in (0.1, float("nan"))]

    assert decide_again(pd.DataFrame(rows), policy().to_json())["decision"].tolist() == ["ANONYMOUS"] * 2


def changes(folder, rows, evidence=None):
    records = read_records(write_results(folder, rows, evidence, policy=FRONTAL))
    return [(change.part, change.told) for change in changed_decisions(records)]


def test_results_that_follow_from_their_numbers_have_no_changes(tmp_path):
    assert changes(tmp_path / "results", ROWS) == []
    assert changes(tmp_path / "failed", [failed("cut.png")], evidence_of(ROWS)) == []


@pytest.mark.parametrize(
    ("place", "update", "part", "told"),
    [
        (3, {"frontality": 0.6, "reasons": "STRANGER"}, "hand.png > decision", 'expected "NOT_ANONYMOUS", got "INDET'),
        (0, {"frontality": np.nan}, "clear.png > decision", 'expected "INDETERMINATE", got "ANONYMOUS"'),
        (2, {"reasons": "COPY"}, "same.png > reasons", 'expected "SAME_PATIENT;COPY", got "COPY"'),
        (1, {"borderline": False}, "near.png > borderline", "expected true, got false"),
        (5, {"decision": "NOT_ANONYMOUS"}, "cut.png > decision", 'expected "INDETERMINATE", got "NOT_ANONYMOUS"'),
    ],
)
def test_a_row_that_does_not_follow_from_its_numbers_is_named(tmp_path, place, update, part, told):
    rows = [{**row, **update} if number == place else row for number, row in enumerate(ROWS)]
    part_found, told_found = changes(tmp_path / "results", rows, evidence_of(ROWS))[0]

    assert part_found == f"results, {part}"
    assert told_found.startswith(told)


def test_a_score_that_the_evidence_exceeds_and_missing_evidence_are_named(tmp_path):
    higher = [{**ROWS[0], "score": 0.2}, *ROWS[1:]]
    fewer = evidence_of(ROWS).query("image_id != 'near.png'")

    assert changes(tmp_path / "score", ROWS, evidence_of(higher)) == [
        ("results, clear.png > score", "expected 0.2, got 0.1")
    ]
    assert changes(tmp_path / "none", ROWS, fewer) == [("results, near.png", "has no evidence of its decision")]


MATCHED = {"match_threshold": 36, "match_method": "sift"}


def test_cases_are_decided_by_their_matches_where_the_policy_has_the_threshold():
    rows = [{**audit_case(name, "x", "y"), "matches": most} for name, most in (("a", 35.0), ("b", 36.0), ("c", np.nan))]
    found = decide_again(pd.DataFrame(rows), policy(**MATCHED).to_json())
    before = decide_again(pd.DataFrame(rows).drop(columns="matches"), policy().to_json())

    assert found["reasons"].tolist() == ["", "COPY", "SCORE_INVALID"]
    assert before["reasons"].tolist() == ["", "", ""]
