import pytest
from scipy.stats import binomtest

from cxrgate.planted.bounds import allowed_misses, lower_bound, patients_needed, upper_bound


@pytest.mark.parametrize("risk", [0.05, 0.005, 0.3])
@pytest.mark.parametrize(("events", "patients"), [(0, 1), (1, 1), (0, 59), (3, 153), (153, 153), (500, 1000)])
def test_bounds_are_those_of_the_exact_binomial_test(events, patients, risk):
    high = binomtest(events, patients, alternative="less").proportion_ci(1 - risk, "exact").high
    low = binomtest(events, patients, alternative="greater").proportion_ci(1 - risk, "exact").low

    assert upper_bound(events, patients, risk) == pytest.approx(high, abs=1e-9)
    assert lower_bound(events, patients, risk) == pytest.approx(low, abs=1e-9)


def test_nothing_is_known_of_no_patients():
    assert (lower_bound(0, 0, 0.05), upper_bound(0, 0, 0.05)) == (0, 1)


@pytest.mark.parametrize("counts", [(-1, 5, 0.05), (6, 5, 0.05), (1, 5, 0.0), (1, 5, 1.0)])
def test_impossible_counts_and_risks_are_refused(counts):
    with pytest.raises(ValueError, match="expected"):
        upper_bound(*counts)


# The rule of three and its kin, as tables of acceptance sampling list them.
@pytest.mark.parametrize(
    ("rate", "risk", "misses", "patients"),
    [(0.05, 0.05, 0, 59), (0.01, 0.05, 0, 299), (0.01, 0.05, 1, 473), (0.02, 0.005, 3, 545), (0.001, 0.05, 0, 2995)],
)
def test_patients_needed(rate, risk, misses, patients):
    assert patients_needed(rate, risk, misses) == patients
    assert allowed_misses(patients, rate, risk) == misses
    assert allowed_misses(patients - 1, rate, risk) == misses - 1


def test_no_rate_below_one_is_shown_by_no_patients():
    assert allowed_misses(0, 0.5, 0.05) == -1
