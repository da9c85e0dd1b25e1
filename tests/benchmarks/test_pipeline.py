"""The benchmark of everything beside the forwards in its short form: that it measures, not how much."""

import pytest
from benchmarks.images.figures import growth
from benchmarks.pipeline import figures as pipeline
from benchmarks.pipeline.first_verdict import seconds_to_first_verdict


@pytest.mark.slow
def test_process_time_cores_and_memory_are_measured(tmp_path):
    found = pipeline.rates(tmp_path, 64, (100, 200), rounds=1)
    first = seconds_to_first_verdict(tmp_path / "64", str(pipeline.TINY))
    grown = growth((100,))

    assert found["images_per_second"] > 0
    assert found["process_seconds_to_start"] > 0
    assert first > 0
    assert grown[100]["images"] == 100
    assert grown[100]["peak_mebibytes"] > 50
