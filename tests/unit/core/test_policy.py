import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import POLICY, evidence

from cxrgate.core import BAND, Decision, Policy
from cxrgate.core.policy import SCORE_RANGE_SLACK


def decide(**columns):
    return POLICY.decide(evidence(**columns), "digest")


def test_nothing_found_is_anonymous():
    verdict = decide()

    assert (verdict.decision, verdict.reasons, verdict.borderline) == (Decision.ANONYMOUS, (), False)
    assert verdict.policy_digest == POLICY.digest


@pytest.mark.parametrize("score", [0.5, 0.5 - BAND / 2, 0.7, 1.0])
def test_score_at_or_within_the_band_of_the_threshold_is_a_match(score):
    verdict = decide(scores=(0.1, score, 0.2))

    assert (verdict.decision, verdict.reasons) == (Decision.NOT_ANONYMOUS, ("SAME_PATIENT",))


def test_a_wider_band_makes_a_match_of_what_a_narrower_one_lets_pass():
    wide = dataclasses.replace(POLICY, band=0.05)
    found = evidence(scores=(0.1, 0.46, 0.2)), evidence(similarities=(0.2, 0.86, 0.3)), evidence(typicality=0.14)

    assert {POLICY.decide(item, "").decision for item in found} == {Decision.ANONYMOUS}
    assert [wide.decide(item, "").reasons for item in found] == [("SAME_PATIENT",), ("COPY",), ("ATYPICAL",)]
    with pytest.raises(ValueError, match="band"):
        dataclasses.replace(POLICY, band=BAND / 2)


def test_score_below_the_band_passes_as_borderline():
    verdict = decide(scores=(0.1, 0.5 - 2 * BAND, 0.2))

    assert (verdict.decision, verdict.borderline) == (Decision.ANONYMOUS, True)


def test_borderline_begins_at_its_threshold():
    assert decide(scores=(0.1, 0.4, 0.2)).borderline
    assert not decide(scores=(0.1, 0.39, 0.2)).borderline


def test_copy_alone_is_a_match():
    verdict = decide(similarities=(0.2, 0.9, 0.3))

    assert (verdict.decision, verdict.reasons) == (Decision.NOT_ANONYMOUS, ("COPY",))


def test_policy_without_copy_space_ignores_copies():
    policy = dataclasses.replace(POLICY, copy_threshold=None)

    assert policy.decide(evidence(similarities=(0.2, 1.0, 0.3)), "").decision is Decision.ANONYMOUS


def test_untypical_image_is_indeterminate():
    verdict = decide(typicality=-0.3)

    assert (verdict.decision, verdict.reasons) == (Decision.INDETERMINATE, ("ATYPICAL",))


def test_match_outweighs_untypical():
    assert decide(scores=(0.9, 0, 0), typicality=-0.3).decision is Decision.NOT_ANONYMOUS


def told(frontality, **columns):
    found = evidence(**columns)
    found = dataclasses.replace(found, candidates=dataclasses.replace(found.candidates, frontality=frontality))
    return dataclasses.replace(POLICY, minimum_frontality=0.5).decide(found, "digest")


@pytest.mark.parametrize("frontality", [0.0, 0.3, 0.5, 0.5 + BAND / 2])
def test_a_stranger_is_indeterminate_whatever_its_scores(frontality):
    assert (told(frontality).decision, told(frontality).reasons) == (Decision.INDETERMINATE, ("STRANGER",))
    copied = told(frontality, scores=(0.1, 0.9, 0.2), similarities=(0.2, 0.9, 0.3))
    assert (copied.decision, copied.reasons) == (Decision.INDETERMINATE, ("STRANGER", "SAME_PATIENT", "COPY"))


def test_a_frontal_radiograph_is_judged_by_its_scores():
    assert told(0.5 + 2 * BAND).decision is Decision.ANONYMOUS
    assert told(0.5 + 2 * BAND, scores=(0.1, 0.9, 0.2)).decision is Decision.NOT_ANONYMOUS


@pytest.mark.parametrize("frontality", [None, math.nan, -0.1, 1.1])
def test_a_frontality_that_is_missing_or_impossible_is_indeterminate(frontality):
    assert (told(frontality).decision, told(frontality).reasons) == (Decision.INDETERMINATE, ("SCORE_INVALID",))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -0.1, 1.1])
def test_impossible_score_is_indeterminate(bad):
    verdict = decide(scores=(0.1, bad, 0.2))

    assert (verdict.decision, verdict.reasons) == (Decision.INDETERMINATE, ("SCORE_INVALID",))


@pytest.mark.parametrize("bad", [math.nan, 1.5, -1.5])
def test_impossible_similarity_is_indeterminate(bad):
    assert decide(similarities=(0.1, bad, 0.2)).decision is Decision.INDETERMINATE


def test_too_few_candidates_are_indeterminate():
    verdict = decide(scores=(0.1, 0.1), similarities=(0.1, 0.1))

    assert verdict.reasons == ("SCORE_INVALID",)


def test_a_list_that_lacks_one_of_its_nearest_is_indeterminate():
    given = evidence(scores=[0.1] * 4, similarities=[0.1] * 4)
    lists = np.array([[1, 1, 1, 0], [0, 1, 1, 1]], bool)
    for nearest, reasons in ((lists, ()), (lists & [True, True, True, False], ("SCORE_INVALID",))):
        said = dataclasses.replace(given.candidates, nearest=nearest)
        assert POLICY.decide(dataclasses.replace(given, candidates=said), "").reasons == reasons


def test_the_list_of_the_one_with_the_most_matches_holds_one():
    given = with_matches(0, 30, 3)
    lists = np.vstack([np.ones((2, 3), bool), [False, True, False]])
    for nearest, reasons in ((lists, ()), (lists[:2], ("SCORE_INVALID",))):
        said = dataclasses.replace(given.candidates, nearest=nearest)
        assert MATCHED.decide(dataclasses.replace(given, candidates=said), "").reasons == reasons


def test_one_candidate_named_several_times_is_indeterminate():
    given = evidence()
    one = dataclasses.replace(given.candidates, reference_ids=("reference0",) * 3)
    verdict = POLICY.decide(dataclasses.replace(given, candidates=one), "")

    assert (verdict.decision, verdict.reasons) == (Decision.INDETERMINATE, ("SCORE_INVALID",))


def test_fewer_references_than_candidates_are_enough():
    policy = dataclasses.replace(POLICY, references=2)

    assert policy.decide(evidence(scores=(0.1, 0.1), similarities=(0, 0)), "").decision is Decision.ANONYMOUS


def test_fewer_scores_than_candidates_are_indeterminate():
    assert decide(scores=(0.1, 0.2)).decision is Decision.INDETERMINATE


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.floats(0, 1))
def test_a_higher_score_never_turns_a_rejection_into_a_pass(scores, more):
    before = decide(scores=scores).decision
    after = decide(scores=[max(score, more) for score in scores]).decision

    assert not (before is not Decision.ANONYMOUS and after is Decision.ANONYMOUS)


IN_TEST_STANDOUT = {"standout_threshold", "standout", "promise"}


@pytest.mark.parametrize("field", sorted({field.name for field in dataclasses.fields(Policy)} - IN_TEST_STANDOUT))
def test_digest_covers_every_field(field):
    policy = dataclasses.replace(
        POLICY, minimum_frontality=0.5, copy_borderline=0.85, side=512, match_threshold=36, match_method="sift"
    )
    value = getattr(policy, field)
    other = f"{value}x" if isinstance(value, str) else value + (0.01 if isinstance(value, float) else 1)

    assert dataclasses.replace(policy, **{field: other}).digest != policy.digest


def test_policy_refuses_thresholds_out_of_order():
    with pytest.raises(ValueError, match="borderline"):
        dataclasses.replace(POLICY, borderline=0.6)


def test_verdict_reports_the_maxima():
    verdict = decide(scores=(0.1, 0.3, 0.2), similarities=(0.6, 0.2, 0.1))

    assert (verdict.score, verdict.similarities["copy"]) == (0.3, 0.6)
    assert np.isfinite(verdict.score)


@pytest.mark.parametrize(("similarity", "listed"), [(0.5, False), (0.85, True), (0.8498, False)])
def test_a_picture_that_is_nearly_a_copy_is_released_and_listed(similarity, listed):
    policy = dataclasses.replace(POLICY, copy_borderline=0.85)
    verdict = policy.decide(evidence(similarities=(similarity, 0.1, 0.1)), "")

    assert (verdict.decision, verdict.borderline) == (Decision.ANONYMOUS, listed)


def test_a_policy_without_a_borderline_of_copies_keeps_its_digest_and_lists_none():
    assert "copy_borderline" not in POLICY.to_json()
    assert not POLICY.decide(evidence(similarities=(0.89, 0.1, 0.1)), "").borderline


def test_a_borderline_above_its_threshold_is_refused():
    with pytest.raises(ValueError, match="copy_borderline"):
        dataclasses.replace(POLICY, copy_borderline=0.95)


def test_a_side_of_no_pixel_is_refused():
    assert Policy.from_json(dataclasses.replace(POLICY, side=1).to_json()).side == 1
    with pytest.raises(ValueError, match="side"):
        dataclasses.replace(POLICY, side=0)


EXACT = dataclasses.replace(POLICY, score_threshold=0.5, borderline=0.375, copy_threshold=0.75, band=0.125)
"""Numbers that floats hold exactly, so that a limit can be met."""


def test_a_number_that_meets_its_threshold_less_the_band_is_a_match():
    assert EXACT.decide(evidence(scores=(0.375, 0, 0)), "").reasons == ("SAME_PATIENT",)
    assert EXACT.decide(evidence(similarities=(0.625, 0, 0)), "").reasons == ("COPY",)


def test_a_number_that_meets_its_borderline_less_the_band_is_listed():
    assert EXACT.decide(evidence(scores=(0.25, 0, 0), similarities=(0, 0, 0)), "").borderline
    listed = dataclasses.replace(EXACT, copy_borderline=0.5)
    assert listed.decide(evidence(scores=(0, 0, 0), similarities=(0.375, 0, 0)), "").borderline


def test_a_typicality_that_meets_its_minimum_and_the_band_is_enough():
    policy = dataclasses.replace(EXACT, minimum_typicality=0.125)
    assert policy.decide(evidence(scores=(0, 0, 0), typicality=0.25), "").decision is Decision.ANONYMOUS


@pytest.mark.parametrize("bad", [1.5, -1.5, math.nan])
def test_an_impossible_typicality_is_indeterminate(bad):
    assert decide(typicality=bad).reasons == ("SCORE_INVALID",)


@pytest.mark.parametrize("bad", [math.inf, math.nan, -0.5])
def test_one_impossible_distance_among_possible_ones_is_indeterminate(bad):
    found = evidence()
    distances = np.array([1.0, bad, 1.0])
    odd = dataclasses.replace(found, candidates=dataclasses.replace(found.candidates, distances=distances))
    assert POLICY.decide(odd, "").reasons == ("SCORE_INVALID",)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("candidates", 1, None),
        ("references", 1, None),
        ("borderline", None, 0.5),
        ("copy_threshold", None, 1.0),
        ("minimum_typicality", -1.0, None),
        ("minimum_frontality", 0.0, None),
        ("band", BAND, None),
    ],
)
def test_the_ends_of_what_is_allowed_are_allowed(name, least, most):
    for value in (least, most):
        if value is not None:
            assert getattr(dataclasses.replace(POLICY, **{name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("candidates", 0),
        ("references", 0),
        ("borderline", 0.0),
        ("score_threshold", 1.5),
        ("copy_threshold", 0.0),
        ("copy_threshold", 1.5),
        ("minimum_typicality", -1.5),
        ("minimum_typicality", 1.0),
        ("minimum_typicality", 1.5),
        ("minimum_frontality", -0.5),
        ("minimum_frontality", 1.0),
        ("band", 1.0),
        ("band", 1.5),
    ],
)
def test_what_is_not_allowed_is_refused_by_its_name(name, value):
    with pytest.raises(ValueError, match=name):
        dataclasses.replace(POLICY, **{name: value})


def test_a_threshold_of_1_is_allowed_and_the_one_that_is_there_is_named():
    assert dataclasses.replace(POLICY, score_threshold=1.0).score_threshold == 1
    with pytest.raises(ValueError, match="<= score_threshold"):
        dataclasses.replace(POLICY, borderline=0.6)


def test_a_policy_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        POLICY.band = 0.5


def test_a_frontality_that_meets_its_minimum_and_the_band_is_enough():
    policy = dataclasses.replace(EXACT, minimum_frontality=0.5)
    found = evidence(scores=(0, 0, 0))
    enough = dataclasses.replace(found, candidates=dataclasses.replace(found.candidates, frontality=0.625))
    assert policy.decide(enough, "").decision is Decision.ANONYMOUS


@pytest.mark.parametrize(
    ("scores", "reasons"), [((-SCORE_RANGE_SLACK, 0, 0), ()), ((1 + SCORE_RANGE_SLACK, 0, 0), ("SAME_PATIENT",))]
)
def test_a_score_may_miss_its_range_by_a_rounding_error(scores, reasons):
    assert decide(scores=scores).reasons == reasons


MATCHED = dataclasses.replace(POLICY, match_threshold=36, match_method="sift")


def with_matches(*matches, **columns):
    found = evidence(**columns)
    counted = None if not matches else np.array(matches, np.int64)
    said = dataclasses.replace(found.candidates, matches=counted, nearest=None)  # as it is recorded
    return dataclasses.replace(found, candidates=said)


@pytest.mark.parametrize(("most", "decision"), [(35, Decision.ANONYMOUS), (36, Decision.NOT_ANONYMOUS)])
def test_an_image_is_a_copy_where_its_keypoints_agree_with_one_candidates(most, decision):
    verdict = MATCHED.decide(with_matches(0, most, 3), "digest")

    assert (verdict.decision, verdict.matches) == (decision, most)
    assert verdict.reasons == (("COPY",) if most == 36 else ())


def test_a_copy_for_two_reasons_is_said_once():
    verdict = MATCHED.decide(with_matches(200, 0, 0, similarities=(0.99, 0, 0), scores=(0.9, 0, 0)), "")

    assert verdict.reasons == ("SAME_PATIENT", "COPY")


@pytest.mark.parametrize("matches", [(), (-1, 0, 0), (301, 0, 0)])
def test_matches_that_are_missing_or_impossible_are_indeterminate(matches):
    verdict = MATCHED.decide(with_matches(*matches), "")

    assert (verdict.decision, verdict.reasons) == (Decision.INDETERMINATE, ("SCORE_INVALID",))


def test_a_policy_without_the_threshold_looks_at_no_matches_and_keeps_its_digest():
    assert POLICY.decide(with_matches(300, 0, 0), "").decision is Decision.ANONYMOUS
    assert not {"match_threshold", "match_method"} & set(POLICY.to_json())
    assert Policy.from_json(MATCHED.to_json()) == MATCHED


@pytest.mark.parametrize("changes", [{"match_threshold": 29}, {"match_threshold": 301}, {"match_method": None}])
def test_a_threshold_of_matches_that_cannot_be_is_refused(changes):
    with pytest.raises(ValueError, match="match_"):
        dataclasses.replace(MATCHED, **changes)
