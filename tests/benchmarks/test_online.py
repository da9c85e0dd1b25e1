"""The benchmark of single calls in its short form: that it measures, not how much."""

import pytest
from benchmarks.online import online_figures


@pytest.mark.slow
def test_single_calls_are_measured_beside_the_bare_forwards():
    found = online_figures(rounds=1, count=8)

    assert found["online_p50_over_forwards"] > 0
