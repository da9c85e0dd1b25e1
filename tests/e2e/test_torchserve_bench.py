"""The benchmark of the real TorchServe in its short form: that it measures, not how much."""

import pytest
from benchmarks.services.models import torchserve
from support.fakes import save_small_models


@pytest.mark.model_server
def test_torchserve_is_measured_beside_the_bare_forward(tmp_path):
    figures = torchserve(tmp_path, save_small_models, count=32, rounds=1)

    assert set(figures) == {
        "torchserve_over_bare_forward",
        "torchserve_images_per_second",
        "torchserve_bare_images_per_second",
    }
    assert min(figures.values()) > 0
