import numpy as np
import pandas as pd
import pytest
from support.recorded_cases import cases, policy

from cxrgate.calibration.calibrate import calibrate, first_step, makes_the_path, retest
from cxrgate.core import BAND, UsageError
from cxrgate.planted.bounds import patients_needed, upper_bound

STRONG = ("strong_copy", "112 px")
MEDIUM = ("medium_copy", "192 px")
RNG = np.random.default_rng(7)
CLEAN = cases("clean", RNG.beta(2, 6, 400), RNG.beta(2, 6, 400))


def leaks(scores, pair=STRONG, **more):
    return cases("leak", scores, None, *pair, **more)


def run(*tables, **terms):
    return calibrate(pd.concat([CLEAN, *tables], ignore_index=True), policy((*STRONG, 0.05), **terms), BAND)


def released(row_scores, found):
    return row_scores < found.thresholds["score_threshold"] - BAND


def test_threshold_is_the_largest_that_meets_the_rate():
    scores = RNG.beta(8, 2, 300)
    found = run(leaks(scores), false_flags=0.2)
    higher = np.unique(CLEAN["score"][[makes_the_path(p) for p in CLEAN["patient"]]])
    higher = higher[higher > found.thresholds["score_threshold"]].min()

    assert not found.refusals
    assert found.certified[0].misses == released(scores, found).sum()
    assert found.certified[0].upper == upper_bound(found.certified[0].misses, 300, 0.05) <= 0.05
    assert upper_bound(int((scores < higher - BAND).sum()), 300, 0.05) > 0.05


def test_a_patient_is_missed_where_any_variant_is_released():
    scores = np.tile([1.0, 0.001], 100)
    found = run(leaks(scores, patients=[f"patient {number // 2}" for number in range(200)]))

    assert (found.certified[0].patients, found.certified[0].misses) == (100, 100)


@pytest.mark.parametrize("refused", [True, False])
def test_an_error_counts_as_missed_a_refusal_not_at_all_and_a_clean_patient_of_either_as_flagged(refused):
    lost = {"failed": True, "refused": refused, "decision": "INDETERMINATE"}
    leaked = leaks([np.nan] * 5, patients=[f"lost {number}" for number in range(5)], **lost)
    unenrolled = cases("clean", [np.nan] * 50, patients=[f"clean {number}" for number in range(50)], **lost)
    found, before = run(leaks(np.ones(300)), leaked, unenrolled), run(leaks(np.ones(300)))

    told = found.certified[0]
    assert (told.patients, told.misses, told.errors, told.refused) == ((300, 0, 0, 5) if refused else (305, 5, 5, 0))
    measured = sum(not makes_the_path(patient) for patient in unenrolled["patient"])
    assert found.unenrolled.flagged == before.unenrolled.flagged + measured > before.unenrolled.flagged
    assert found.unenrolled.path_patients == before.unenrolled.path_patients + 50 - measured


def test_refusals_choose_no_threshold():
    hard = leaks(RNG.beta(8, 2, 300))
    easy = leaks(
        [np.nan] * 300, patients=[f"x {n}" for n in range(300)], failed=True, refused=True, decision="INDETERMINATE"
    )

    assert run(hard, easy).thresholds["score_threshold"] == run(hard).thresholds["score_threshold"]


def test_the_pair_that_conflicts_with_the_limit_on_false_flags_is_named():
    found = run(leaks(RNG.beta(2, 6, 300)), leaks(np.ones(300), MEDIUM))

    assert len(found.refusals) == 1
    assert found.refusals[0].startswith("strong_copy, 112 px conflicts with the limit on false flags")
    assert found.unenrolled.share <= 0.1


def test_too_few_patients_are_told_how_many_are_missing():
    found = run(leaks(np.ones(50)))

    missing = patients_needed(0.05, 0.05) - 50
    assert len(found.refusals) == 1
    assert found.refusals[0].startswith(f"strong_copy, 112 px: {missing} more patients are needed")


def test_every_pair_takes_its_share_of_the_risk_and_others_are_measured_by_themselves():
    table = pd.concat(
        [CLEAN, leaks(np.ones(300)), leaks(np.ones(300), MEDIUM), leaks([0.0], ("blend", "half and half"))]
    )
    found = calibrate(table, policy((*STRONG, 0.05), (*MEDIUM, 0.05), confidence=0.9), BAND)

    assert [finding.risk for finding in found.certified] == pytest.approx([0.05, 0.05])
    assert [(finding.leak_class, finding.misses, finding.rate) for finding in found.measured] == [("blend", 1, None)]
    assert found.measured[0].risk == pytest.approx(0.1)
    assert found.worst_patient == 1
    assert not found.refusals


def test_order_of_the_cases_changes_nothing():
    table = pd.concat([CLEAN, leaks(RNG.beta(8, 2, 300))], ignore_index=True)
    shuffled = table.sample(frac=1, random_state=3)

    assert calibrate(shuffled, policy((*STRONG, 0.05)), BAND) == calibrate(table, policy((*STRONG, 0.05)), BAND)


def test_certified_pair_without_cases_and_cases_without_clean_patients_are_refused():
    with pytest.raises(UsageError, match="strong_copy, 112 px"):
        run(leaks([1.0], MEDIUM))
    with pytest.raises(UsageError, match="not enrolled"):
        calibrate(leaks([1.0]), policy((*STRONG, 0.05)), BAND)


def test_where_the_standout_decides_its_threshold_is_chosen_and_none_of_the_score():
    standing = {"near_distance": 0.5, "near_score": 0.5, "cohort_mean": 0.1, "cohort_spread": 0.1, "cohort_size": 10}
    scores = RNG.beta(8, 2, 300)
    table = pd.concat([CLEAN, leaks(scores)]).assign(standout=lambda rows: rows["score"], **standing)
    by_score = calibrate(table, policy((*STRONG, 0.05), false_flags=0.2), BAND)
    unlike = table.assign(score=0.5)
    found = calibrate(unlike, policy((*STRONG, 0.05), false_flags=0.2), BAND, ("standout_threshold", "copy_threshold"))

    assert found.thresholds["score_threshold"] is None
    assert found.thresholds["standout_threshold"] == by_score.thresholds["score_threshold"]
    assert found.certified == by_score.certified
    again = retest(unlike, policy((*STRONG, 0.05), false_flags=0.2), BAND, found.thresholds)
    assert again.thresholds == found.thresholds


@pytest.mark.parametrize("rates", [(0.05,), (0.02,), (0.02, 0.05, 0.09)])
@pytest.mark.parametrize("patients", [250, 600])
def test_simulated_calibrations_break_a_rate_no_more_often_than_promised(rates, patients):
    """2,000 calibrations on a path of 2,001 steps; a leak is caught from a uniformly drawn step on.

    The true rate of misses after step j is then 1 - (j + 1) / 2001. Each pair stands for itself, as if it had decided.
    """
    runs, steps, risk = 2000, 2001, 0.05
    rng = np.random.default_rng([patients, len(rates)])
    broken = np.zeros(runs, dtype=bool)
    for rate in rates:
        levels = rng.integers(steps, size=(runs, patients))
        chosen = np.array([first_step(row, rate, risk / len(rates)) for row in levels])
        broken |= 1 - (chosen + 1) / steps > rate

    assert broken.mean() <= risk + 3 * np.sqrt(risk * (1 - risk) / runs)
    assert broken.mean() > 0  # a rule that is never wrong would flag more than it has to
