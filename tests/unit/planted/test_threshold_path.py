import numpy as np
import pandas as pd
import pytest
from support.fakes import evidence
from support.recorded_cases import cases

from cxrgate.core import BAND, Decision, Policy
from cxrgate.models import BANDS
from cxrgate.planted.threshold_path import FINENESS, ThresholdPath

CLEAN = cases("clean", [0.1, 0.7, 0.3, 0.5], [0.6, 0.2, 0.9, 0.3])


SCORE, COPY = "score_threshold", "copy_threshold"


def path(*names, unenrolled=CLEAN, band=BAND):
    return ThresholdPath.of(unenrolled, band, names or (SCORE, COPY))


def test_thresholds_fall_from_patient_to_patient_by_each_question():
    assert path().thresholds[SCORE][::FINENESS].tolist() == [1, 0.7, 0.5, 0.3, 0.1]
    assert path().thresholds[COPY][::FINENESS].tolist() == [1, 0.9, 0.6, 0.3, 0.2]
    assert (np.diff(path().thresholds[SCORE]) < 0).all()


def test_without_the_copy_space_the_similarity_flags_nothing():
    assert path(SCORE).levels(cases("leak", [0.2], [1.0])).tolist() == [56]


def test_cases_without_an_answer_add_no_step_and_are_caught_at_none_or_where_they_are_refused_at_every_one():
    lost = cases("clean", [0.99, np.nan], failed=True, decision="INDETERMINATE")
    refused = lost.assign(refused=True)
    invalid = cases("clean", [5.0], reasons="SCORE_INVALID")

    assert path(unenrolled=pd.concat([CLEAN, lost, refused, invalid])).at(20) == path().at(20)
    assert path().levels(pd.concat([lost, invalid, refused])).tolist() == [len(path())] * 3 + [0] * 2


def test_thresholds_are_above_zero():
    assert path(unenrolled=cases("clean", [0.5, 0.4], [0.3, 0.0])).thresholds[COPY].min() > 0


def decided(score, similarity, typicality, step, band):
    thresholds = path().at(step)[SCORE], path().at(step)[COPY]
    models = "snapshot", "retrieval", "verification"
    rule = Policy(1, thresholds[0], thresholds[0], thresholds[1], 0.1, 9, *models, band=band)
    return rule.decide(evidence([score], [similarity], typicality), "pixels").decision


# A score on a threshold, within its band, and just below; likewise a similarity; an image that is not typical.
# The bands are those of float32, float16 and bfloat16.
@pytest.mark.parametrize("band", BANDS.values())
@pytest.mark.parametrize(("score", "below"), [(0.0, 0), (0.3, 0), (0.3, 1), (0.3, 2), (0.5, 0), (0.9, 0), (1.0, 0)])
@pytest.mark.parametrize(("similarity", "typicality"), [(0.0, 0.9), (0.6, 0.9), (0.9, 0.9), (0.0, 0.1)])
def test_a_case_is_released_at_a_step_exactly_when_the_policy_releases_it(score, below, similarity, typicality, band):
    told = max(score - below * band, 0), max(similarity - band, 0), typicality
    case = cases("leak", [told[0]], [told[1]], typicality=typicality, decision=decided(*told, 0, band))
    level = path(band=band).levels(case)[0]

    for step in range(len(path())):
        assert (step < level) == (decided(*told, step, band) is Decision.ANONYMOUS)
