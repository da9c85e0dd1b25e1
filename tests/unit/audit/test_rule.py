"""Thresholds of an audit: as low as the limit on false flags allows."""

import numpy as np
import pandas as pd
import pytest

from cxrgate.audit.rule import LIMIT, RISK, choose_rule
from cxrgate.core import BAND, UsageError
from cxrgate.gate.config import PolicyConfig
from cxrgate.models import BANDS, Dtype
from cxrgate.planted.bounds import upper_bound


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
            "refused": False,
        }
    )


def flagged(cases, rule, band):
    by_score = cases["score"] >= rule.score_threshold - band
    return (cases["failed"] | by_score | (cases["similarity"] >= rule.copy_threshold - band)).sum()


@pytest.mark.parametrize("failed", [0, 5])
def test_as_many_are_flagged_as_the_limit_allows_and_those_without_an_answer_count(failed):
    cases = clean(400, failed=failed)
    rule = choose_rule(cases, PolicyConfig(), BAND)
    count = int(flagged(cases, rule, BAND))

    assert upper_bound(count, 400, RISK) <= LIMIT
    # Two more, one by each question, would be too many.
    assert upper_bound(count + 2, 400, RISK) > LIMIT
    assert rule.borderline <= rule.score_threshold


def test_what_a_wide_band_flags_counts_towards_the_limit():
    cases, band = clean(400), BANDS[Dtype.FLOAT16]
    rule, narrow = (choose_rule(cases, PolicyConfig(), width) for width in (band, BAND))

    assert upper_bound(int(flagged(cases, rule, band)), 400, RISK) <= LIMIT
    assert upper_bound(int(flagged(cases, narrow, band)), 400, RISK) > LIMIT


def test_a_band_that_flags_too_many_at_the_highest_thresholds_is_named():
    with pytest.raises(UsageError, match=r"finer dtype: 400 cannot show 10% of flags with a band of 0\.16"):
        choose_rule(clean(400), PolicyConfig(), BANDS[Dtype.BFLOAT16])


def test_both_questions_flag_as_many():
    cases = clean(400)
    rule = choose_rule(cases, PolicyConfig(), BAND)

    by_score = (cases["score"] >= rule.score_threshold).sum()
    by_similarity = (cases["similarity"] >= rule.copy_threshold).sum()
    assert abs(by_score - by_similarity) <= 1


def test_other_patients_keep_the_limit():
    rules = [choose_rule(clean(300, seed), PolicyConfig(), BAND) for seed in range(20)]
    shares = [flagged(clean(20_000, 1000 + seed), rule, BAND) / 20_000 for seed, rule in enumerate(rules)]

    assert np.mean(np.array(shares) > LIMIT) <= 0.1


def test_too_few_patients_are_refused():
    with pytest.raises(UsageError, match="more patients to choose thresholds on"):
        choose_rule(clean(20), PolicyConfig(), BAND)
