"""The frozen rule of earlier releases decides as today's policy does, for as long as today's policy is that rule."""

import math

import numpy as np
import pytest
from support.run_results import policy

from cxrgate.core import Candidates, Evidence
from cxrgate.release_report.rule import FIRST, decide

RNG = np.random.default_rng(20261128)


def draw(count):
    """Numbers about the thresholds, on them, and impossible ones: float64[count, 3], typicality, frontality."""
    edges = np.array([0.5, 0.4999, 0.4, 0.9, 0.8999, 0.35, 0.3501, -0.1, 1.0, 1.1, math.nan])
    numbers = np.where(RNG.random((count, 3)) < 0.4, RNG.choice(edges, (count, 3)), RNG.random((count, 3)))
    frontality, typicality = (float(RNG.choice(edges)) if RNG.random() < 0.3 else RNG.random() for _ in range(2))
    return numbers, typicality, frontality


@pytest.mark.parametrize("changes", [{}, {"minimum_frontality": 0.5}, {"copy_threshold": None}])
def test_it_decides_as_the_policy_does(changes):
    rule = policy(**changes)
    assert rule.to_json().keys() == FIRST
    seen = set()
    for _ in range(3000):
        numbers, typicality, frontality = draw(int(RNG.integers(2, 6)))
        names, features = tuple(map(str, range(len(numbers)))), np.empty((len(numbers), 0), np.float32)
        distances, similarities, scores = numbers.T
        found = Candidates("", names, names, distances, {"copy": similarities}, features, typicality, frontality)
        verdict = rule.decide(Evidence(found, scores), "")
        decided = decide(rule.to_json(), numbers, typicality, frontality)
        seen.add(decided.reasons)

        assert (decided.decision, decided.reasons) == (verdict.decision.value, ";".join(verdict.reasons))
        assert decided.borderline == verdict.borderline
        assert (decided.score, decided.similarities["similarity"]) == pytest.approx(
            (verdict.score, verdict.similarities["copy"]), nan_ok=True
        )

    assert {"", "SAME_PATIENT", "ATYPICAL", "SCORE_INVALID"} <= seen


def test_a_rule_of_unknown_names_is_none_that_can_be_decided_by():
    with pytest.raises(TypeError):
        decide({"candidates": 3, "unheard_of": 0.5}, np.zeros((3, 3)), 0.9, 0.9)
