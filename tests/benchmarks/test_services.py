"""The benchmark of the services in its short form: that it measures, not how much."""

import pytest
from benchmarks.services.gate import gate_overhead
from benchmarks.services.index import find_neighbors


def test_index_is_measured_beside_the_search_in_this_process(tmp_path):
    figures = find_neighbors(tmp_path, rounds=1, references=500)

    assert {name for name in figures if name.endswith("_in_process")} == {
        "find_neighbors_batch_1_over_in_process",
        "find_neighbors_batch_256_over_in_process",
    }
    assert all(value > 0 for value in figures.values())


def test_overhead_of_the_gate_is_what_a_bare_service_does_not_take():
    figures = gate_overhead(2)

    assert figures["gate_overhead_p50_ms"] <= figures["gate_overhead_p99_ms"]
    total = figures["gate_bare_call_p50_ms"] + figures["gate_overhead_p50_ms"]
    assert figures["gate_call_p50_ms"] == pytest.approx(total)
    assert 10 < figures["gate_bare_call_p50_ms"] < figures["gate_call_p50_ms"]
