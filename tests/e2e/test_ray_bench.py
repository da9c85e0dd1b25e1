"""The benchmark of Ray's nodes in its short form: that it measures, not how much."""

import pytest
from benchmarks.ray_nodes.figures import ray_figures

pytestmark = pytest.mark.ray


def test_one_node_and_two_are_measured_beside_this_process():
    found = ray_figures(32, rounds=1)

    assert found["ray_two_nodes_over_one"] > 0
    assert found["ray_cost_on_one_node"] > -1
    assert found["ray"]["images"] == 32
