import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import POLICY, evidence

from cxrgate.core import Decision, Policy
from cxrgate.core.promise import Promise
from cxrgate.core.standout import COHORT, Cohort, Standout, identity_similarity

STANDOUT = Standout(identity=0.5, verification=0.05, usual=0.4, slope=20.0, offset=-2.0)
RULE = dataclasses.replace(
    POLICY, score_threshold=None, standout_threshold=0.5, standout=STANDOUT, promise=Promise(0.05, 400, "measured")
)


def found(distances=(0.9, 1.0, 1.1), scores=(0.4, 0.3, 0.2), mean=0.5, size=COHORT):
    plain = evidence(scores=scores)
    cohort = Cohort(mean, 0.02, size)
    return dataclasses.replace(
        plain, candidates=dataclasses.replace(plain.candidates, distances=np.array(distances), cohort=cohort)
    )


def test_the_margin_is_what_a_candidate_has_beyond_the_cohort():
    margins = STANDOUT.margins(np.array([1.0]), np.array([0.5]), Cohort(0.3, 0.0, COHORT))

    assert margins == pytest.approx([0.5 * 0.5 + 0.05 * 0 - 0.3])


@given(st.floats(0, 2), st.floats(0, 2), st.floats(0.01, 0.99))
def test_a_nearer_candidate_never_stands_out_less(one, other, score):
    near, far = sorted((one, other))
    cohort = Cohort(0.3, 0.1, 4)
    values = STANDOUT(np.array([near, far]), np.array([score, score]), cohort)

    assert values[0] >= values[1]
    assert (values >= 0).all()
    assert (values <= 1).all()


def test_a_higher_score_stands_out_more_and_a_more_similar_cohort_less():
    def at(score, mean):
        return STANDOUT(np.array([1.0]), np.array([score]), Cohort(mean, 0.1, COHORT))[0]

    assert at(0.6, 0.3) > at(0.5, 0.3) > at(0.5, 0.4)


def test_with_one_patient_alone_the_usual_cohort_stands_in():
    alone = STANDOUT.margins(np.array([1.0]), np.array([0.5]), Cohort.of(np.empty(0)))
    usual = STANDOUT.margins(np.array([1.0]), np.array([0.5]), Cohort(STANDOUT.usual, 0.0, COHORT))

    assert alone == pytest.approx(usual)


def test_the_cohort_sums_up_the_similarities_of_its_patients():
    distances = np.array([0.0, 1.0, np.sqrt(2)])

    assert identity_similarity(distances) == pytest.approx([1, 0.5, 0])
    assert Cohort.of(distances) == Cohort(pytest.approx(0.5), pytest.approx(np.std([1, 0.5, 0])), 3)


def test_scores_of_0_and_1_give_finite_numbers():
    assert np.isfinite(STANDOUT(np.array([1.0, 1.0]), np.array([0.0, 1.0]), Cohort(0.3, 0.1, 3))).all()


def test_the_standout_decides_where_the_policy_says_so():
    assert RULE.decide(found(mean=0.9), "").decision is Decision.ANONYMOUS
    verdict = RULE.decide(found(distances=(0.3, 1.0, 1.1), mean=0.2), "")

    assert (verdict.decision, verdict.reasons) == (Decision.NOT_ANONYMOUS, ("SAME_PATIENT",))
    assert verdict.standout > 0.5
    assert verdict.score == 0.4


def test_a_high_raw_score_alone_does_not_decide_then():
    assert RULE.decide(found(scores=(0.9, 0.3, 0.2), mean=0.9), "").decision is Decision.ANONYMOUS


def test_the_borderline_is_of_the_number_that_decides():
    policy = dataclasses.replace(RULE, borderline=0.01)
    standout = RULE.decide(found(mean=0.4), "").standout

    assert 0.01 < standout < 0.5
    assert policy.decide(found(mean=0.4), "").borderline


def test_without_a_cohort_there_is_no_answer():
    verdict = RULE.decide(evidence(), "")

    assert (verdict.decision, verdict.reasons) == (Decision.INDETERMINATE, ("SCORE_INVALID",))
    assert math.isnan(verdict.standout)


@pytest.mark.parametrize(
    "changes",
    [
        {"mean": np.inf},
        {"mean": 7.0},
        {"mean": np.nan},
        {"spread": np.nan},
        {"spread": -1.0},
        {"size": COHORT + 1},
        {"size": -1},
    ],
    ids=str,
)
def test_a_cohort_that_cannot_be_is_no_pass(changes):
    asked = found()
    cohort = dataclasses.replace(asked.candidates.cohort, **changes)
    asked = dataclasses.replace(asked, candidates=dataclasses.replace(asked.candidates, cohort=cohort))

    assert RULE.decide(asked, "pixels").decision is Decision.INDETERMINATE


def test_a_policy_takes_one_rule_for_identity_and_not_two():
    for changes in ({"score_threshold": 0.5}, {"standout_threshold": None}, {"standout": None}):
        with pytest.raises(ValueError, match=r"standout|score_threshold"):
            dataclasses.replace(RULE, **changes)


def test_a_policy_comes_back_from_its_json_with_its_digest():
    for policy in (RULE, POLICY):
        again = Policy.from_json(policy.to_json())
        assert (again, again.digest) == (policy, policy.digest)


def test_a_policy_without_what_version_0_1_lacked_has_the_digest_that_it_had():
    assert POLICY.to_json().keys().isdisjoint({"standout_threshold", "standout", "promise"})
    assert POLICY.digest == "613f42f5d0c2f277de5739b85ab3bb8b98f9e1f433e83b9ad457ae8a19776979"


@pytest.mark.parametrize("field", ["standout_threshold", "standout", "promise"])
def test_the_digest_covers_the_rule_of_the_standout(field):
    other = {
        "standout_threshold": 0.6,
        "standout": dataclasses.replace(STANDOUT, offset=-2.1),
        "promise": Promise(0.05, 401, "measured"),
    }

    assert dataclasses.replace(RULE, **{field: other[field]}).digest != RULE.digest


def test_a_promise_says_what_it_rests_on():
    assert str(Promise(0.05, 412, "measured")) == (
        "5 % of unenrolled patients are flagged, measured on 412 patients of this snapshot"
    )
    assert "was not measured" in str(Promise(0.01, 0, "shipped"))


def test_a_borderline_above_the_standout_threshold_names_that():
    with pytest.raises(ValueError, match="<= standout_threshold"):
        dataclasses.replace(RULE, borderline=0.6)


def test_a_cohort_of_the_full_size_can_be_and_a_mean_above_1_cannot():
    assert RULE.decide(found(size=COHORT), "").reasons != ("SCORE_INVALID",)
    assert RULE.decide(found(mean=1.5), "").reasons == ("SCORE_INVALID",)


def test_a_cohort_of_nobody_can_be():
    assert RULE.decide(found(size=0, mean=0.0), "").reasons != ("SCORE_INVALID",)


def test_a_standout_without_parameters_is_the_one_that_recorded_policies_mean():
    assert Standout() == Standout(identity=1.0, verification=0.0, usual=0.0, slope=25.0, offset=0.0)
    assert COHORT == 10
    assert Cohort.of(np.empty(0)) == Cohort(0.0, 0.0, 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("slope", 0.0),
        ("slope", -1.0),
        ("slope", 25.5),
        ("identity", 0.0),
        ("identity", -1.0),
        ("verification", -0.5),
        ("usual", math.nan),
        ("offset", math.inf),
    ],
)
def test_parameters_that_would_turn_the_order_round_or_are_no_numbers_are_refused(name, value):
    with pytest.raises(ValueError, match="expected"):
        dataclasses.replace(STANDOUT, **{name: value})


def test_small_positive_parameters_are_allowed():
    assert dataclasses.replace(STANDOUT, slope=0.5, identity=0.5, verification=0.0).identity == 0.5


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_a_certain_score_has_finite_odds(score):
    assert np.isfinite(STANDOUT.margins(np.array([1.0]), np.array([score]), Cohort(0.3, 0.1, COHORT))).all()


def test_a_greater_offset_makes_every_candidate_stand_out_more():
    assert dataclasses.replace(STANDOUT, offset=1.0).calibrate(np.zeros(1)) > 0.5
    assert dataclasses.replace(STANDOUT, offset=-1.0).calibrate(np.zeros(1)) < 0.5


@pytest.mark.parametrize(("spread", "can_be"), [(0.0, True), (1.5, True), (-0.1, False), (math.nan, False)])
def test_a_cohort_may_be_as_wide_as_distances_make_it(spread, can_be):
    plain = found()
    odd = dataclasses.replace(plain.candidates, cohort=Cohort(0.5, spread, COHORT))
    reasons = RULE.decide(dataclasses.replace(plain, candidates=odd), "").reasons
    assert (reasons != ("SCORE_INVALID",)) == can_be
