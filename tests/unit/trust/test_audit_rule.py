"""Thresholds of an audit: as low as the limit on false flags allows."""

import numpy as np
import pandas as pd
import pytest

from cxrgate.core import UsageError
from cxrgate.gate import Rule
from cxrgate.trust.audit_rule import LIMIT, RISK, choose_rule
from cxrgate.trust.bounds import upper_bound


def clean(count, seed=0, failed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "patient": [str(number) for number in range(count)],
            "score": rng.uniform(0, 0.9, count),
            "similarity": rng.uniform(0.2, 0.9, count),
            "decision": "ANONYMOUS",
            "reasons": "",
            "failed": np.arange(count) < failed,
        }
    )


def flagged(cases, rule):
    return (
        cases["failed"] | (cases["score"] >= rule.score_threshold) | (cases["similarity"] >= rule.copy_threshold)
    ).sum()


@pytest.mark.parametrize("failed", [0, 5])
def test_as_many_are_flagged_as_the_limit_allows_and_those_without_an_answer_count(failed):
    cases = clean(400, failed=failed)
    rule = choose_rule(cases, Rule())
    count = int(flagged(cases, rule))

    assert upper_bound(count, 400, RISK) <= LIMIT
    # Two more, one by each question, would be too many.
    assert upper_bound(count + 2, 400, RISK) > LIMIT
    assert rule.borderline <= rule.score_threshold


def test_both_questions_flag_as_many():
    cases = clean(400)
    rule = choose_rule(cases, Rule())

    by_score = (cases["score"] >= rule.score_threshold).sum()
    by_similarity = (cases["similarity"] >= rule.copy_threshold).sum()
    assert abs(by_score - by_similarity) <= 1


def test_other_patients_keep_the_limit():
    rules = [choose_rule(clean(300, seed), Rule()) for seed in range(20)]
    shares = [flagged(clean(20_000, 1000 + seed), rule) / 20_000 for seed, rule in enumerate(rules)]

    assert np.mean(np.array(shares) > LIMIT) <= 0.1


def test_too_few_patients_are_refused():
    with pytest.raises(UsageError, match="more patients to choose thresholds on"):
        choose_rule(clean(20), Rule())
