"""From what the pipeline says to what a caller reads."""

import math
from pathlib import Path

import numpy as np
import pytest
from support.fakes import POLICY, evidence

from cxrgate.core import Decision, Failure, GreyImage, Stage
from cxrgate.filter.given import Given
from cxrgate.filter.verdict import make_verdict
from cxrgate.gate.pipeline import Checked

IMAGE = GreyImage("0", np.zeros((64, 64), np.uint8))
GIVEN = Given("mine.png", "sick", None)


def verdict_of(scores, similarities, references=None, image=IMAGE):
    outcome = POLICY.decide(evidence(scores, similarities), IMAGE.digest)
    return make_verdict(GIVEN, Checked(image, outcome), POLICY, references or {}, png=b"png")


def test_a_verdict_has_the_callers_name_and_the_numbers():
    verdict = verdict_of((0.1, 0.45, 0.2), (0.5, 0.1, 0.3))

    assert (verdict.image_id, verdict.label, verdict.decision) == ("mine.png", "sick", Decision.ANONYMOUS)
    assert (verdict.score, verdict.similarities, verdict.standout) == (0.45, {"similarity": 0.5}, None)
    assert verdict.borderline
    assert (verdict.pixel_digest, verdict.policy_digest) == (IMAGE.digest, POLICY.digest)
    assert verdict.released


def test_the_nearest_reference_is_the_one_with_the_highest_score():
    verdict = verdict_of((0.1, 0.7, 0.2), (0.5, 0.1, 0.95), {"reference1": Path("real.png")})

    assert verdict.reasons == ("SAME_PATIENT", "COPY")
    assert (verdict.nearest.reference_id, verdict.nearest.patient_key) == ("reference1", "patient1")
    assert (verdict.nearest.score, verdict.nearest.path) == (0.7, Path("real.png"))


def test_of_a_copy_the_nearest_reference_is_the_most_similar_picture():
    verdict = verdict_of((0.3, 0.2, 0.1), (0.5, 0.1, 0.95))

    assert verdict.reasons == ("COPY",)
    assert (verdict.nearest.reference_id, verdict.nearest.similarities) == ("reference2", {"similarity": 0.95})
    assert verdict.nearest.path is None


@pytest.mark.parametrize("scores", [(math.nan, 0.2, 0.1), (math.nan,) * 3])
def test_impossible_scores_are_indeterminate_and_still_told(scores):
    verdict = verdict_of(scores, (0.5, 0.1, 0.2))

    assert (verdict.decision, verdict.reasons, verdict.released) == (Decision.INDETERMINATE, ("SCORE_INVALID",), False)
    assert verdict.nearest is not None


def test_a_failure_says_where_and_why_and_is_not_released():
    outcome = Failure("0", Stage.DECODE, "INVALID_ARGUMENT", "TRUNCATED", "expected more")
    verdict = make_verdict(GIVEN, Checked(None, outcome), POLICY, {})

    assert (verdict.decision, verdict.released, verdict.reasons) == (Decision.INDETERMINATE, False, ("TRUNCATED",))
    assert (verdict.stage, verdict.code, verdict.message) == ("decode", "INVALID_ARGUMENT", "expected more")
    assert (verdict.policy_digest, verdict.pixel_digest, verdict.nearest) == ("", "", None)
