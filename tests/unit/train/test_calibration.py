import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from cxrgate.train.calibration import calibrate, unenrolled_threshold
from cxrgate.train.enough import MINIMUM_PATIENTS


def _embeddings(patients=60, images=2, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(patients), images))
    rows = rng.normal(size=(patients, 8))[labels] + 0.3 * rng.normal(size=(len(labels), 8))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), labels


def _similarities(rows):
    return rows.astype(np.float64) @ rows.T.astype(np.float64)


def test_the_stranger_threshold_is_a_plain_loops():
    rows, patients = _embeddings()
    best = []
    for patient in np.unique(patients):
        probe = rows[np.flatnonzero(patients == patient)[0]].astype(np.float64)
        best.append(max(probe @ other for other, owner in zip(rows, patients, strict=True) if owner != patient))
    assert unenrolled_threshold(_similarities(rows), patients, 0.1) == pytest.approx(np.quantile(best, 0.9), abs=1e-9)


def test_fewer_flagged_strangers_need_a_higher_threshold():
    rows, patients = _embeddings()
    assert unenrolled_threshold(_similarities(rows), patients, 0.02) > unenrolled_threshold(
        _similarities(rows), patients, 0.2
    )


def test_a_patient_is_no_stranger_to_itself():
    # Pairs of equal images of otherwise orthogonal patients: the best other is at cosine 0.
    rows, patients = np.repeat(np.eye(50, dtype=np.float32), 2, axis=0), np.repeat(np.arange(50), 2)
    assert unenrolled_threshold(_similarities(rows), patients, 0.025) == 0


def test_too_few_patients_are_refused():
    rows, patients = _embeddings(MINIMUM_PATIENTS - 1)
    with pytest.raises(ValueError, match="40 patients or more, got 39"):
        unenrolled_threshold(_similarities(rows), patients, 0.025)


def _cosines(seed=0):
    rng = np.random.default_rng(seed)
    same = np.arange(600) < 100
    return np.where(same, 0.6, 0.1) + 0.15 * rng.normal(size=600), same


@pytest.mark.parametrize("threshold", [-0.2, 0.3, 0.61234567])
def test_the_score_at_the_threshold_is_one_half_exactly(threshold):
    slope, offset = calibrate(*_cosines(), threshold)
    assert expit(slope * threshold + offset) == 0.5
    assert slope >= 1


def test_the_slope_is_that_of_a_balanced_logistic_regression():
    cosines, same = _cosines()
    fitted = LogisticRegression(C=1e9, class_weight="balanced", tol=1e-9).fit(cosines[:, None], same)
    assert calibrate(cosines, same, 0.3)[0] == pytest.approx(fitted.coef_[0, 0], rel=0.01)


def test_scores_never_fall_with_the_cosine_even_where_it_tells_nothing():
    cosines, same = _cosines()
    assert calibrate(-cosines, same, 0.3)[0] == 1.0


@pytest.mark.parametrize("same", [np.ones(5, bool), np.zeros(5, bool)])
def test_pairs_of_one_kind_only_are_refused(same):
    with pytest.raises(ValueError, match="one kind only"):
        calibrate(np.linspace(0, 1, 5), same, 0.3)
