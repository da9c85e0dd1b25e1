"""The benchmark of the checks in its short form: that it measures, not how much."""

from benchmarks.trust import trust_overhead


def test_checks_are_measured_beside_the_forwards():
    assert 0 < trust_overhead(16) < 10
