import numpy as np
import pytest

from cxrgate.compat.filter import _evidence, seed_policy
from cxrgate.compat.tables import Score
from cxrgate.core import Decision

ORIGIN = {"references": 100, "lookup_table": "a", "retrieval": "b", "verification": "c"}


def decide(score):
    return seed_policy(ORIGIN).decide(_evidence("image", Score("image", "real", score)), "pixels")


@pytest.mark.parametrize("score", [0.5, 0.49995, 0.500001, 1.0])
def test_score_at_the_threshold_is_removed(score):
    assert decide(score).decision is Decision.NOT_ANONYMOUS


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf, -0.1, 1.1])
def test_score_that_is_none_is_never_released(score):
    assert decide(score).decision is Decision.INDETERMINATE


@pytest.mark.parametrize(("score", "borderline"), [(0.0, False), (0.3998, False), (0.4, True), (0.4998, True)])
def test_score_below_the_threshold_passes(score, borderline):
    assert decide(score).decision is Decision.ANONYMOUS
    assert decide(score).borderline is borderline


def test_rule_is_the_papers():
    policy = seed_policy(ORIGIN)

    assert (policy.candidates, policy.score_threshold, policy.copy_threshold) == (1, 0.5, None)
