"""The benchmark of the runtimes in its short form: that it measures, not how much."""

from benchmarks.runtimes import KINDS, runtime_figures


def test_the_cpu_runtime_is_measured_beside_pytorch():
    found = runtime_figures(8, rounds=1)

    assert found["shipped_images_per_second_over_torch_eager"] > 0
    assert found["forward_ms_per_image"].keys() == set(KINDS)
    assert {"torch float32", "openvino float32"} <= found["forward_ms_per_image"]["copy"].keys()
