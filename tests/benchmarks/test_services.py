"""The benchmark of the services in its short form: that it measures, not how much."""

import json

import pytest
from benchmarks.services import __main__ as services
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


def test_figures_join_those_of_other_benchmarks(tmp_path, monkeypatch):
    monkeypatch.setattr(services, "OUTPUT", tmp_path / "out/bench.json")
    for figures in ({"a": 1, "b": 2}, {"b": 3}):
        services.merge(figures)

    assert json.loads((tmp_path / "out/bench.json").read_text()) == {"a": 1, "b": 3}
