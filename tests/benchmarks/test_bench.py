"""The runner of the benchmark: keys are merged, a part that fails leaves the others' and is told by the exit code."""

import json
import sys
from importlib import import_module

import pytest
from benchmarks import __main__ as bench
from benchmarks import bench_json
from benchmarks.limits.shares import shares
from benchmarks.parts import PARTS, Part

MINUTES = 30


@pytest.fixture(autouse=True)
def output(tmp_path, monkeypatch):
    path = tmp_path / "out/bench.json"
    monkeypatch.setattr(bench_json, "OUTPUT", path)
    return path


def test_figures_join_those_of_other_parts_and_say_what_they_were_measured_with(output):
    bench_json.merge_part("a", {"x": 1, "y": 2}, 3)
    bench_json.merge_part("b", {"y": 4}, 5)

    found = json.loads(output.read_text())
    assert (found["x"], found["y"]) == (1, 4)
    assert found["parts"].keys() == {"a", "b"}
    assert all(
        {"seconds", "machine", "commit", "digests", "versions"} <= about.keys() for about in found["parts"].values()
    )
    assert found["parts"]["a"]["machine"]["cores"] >= 1
    assert len(found["parts"]["a"]["digests"]["retrieval"]) == 64


def run(monkeypatch, answers, *options):
    """The exit code where each part merges the figures, or ends with the exit code, that `answers` has for it."""

    def started(command, **_):
        name = command[3]
        if isinstance(answers[name], dict):
            bench_json.merge_part(name, answers[name], 1)
            return type("Done", (), {"returncode": 0})
        return type("Done", (), {"returncode": answers[name]})

    monkeypatch.setattr(bench, "PARTS", {name: Part("", 1, (f"key_{name}",)) for name in answers})
    monkeypatch.setattr(bench.subprocess, "run", started)
    monkeypatch.setattr(bench_json, "measured_with", dict)
    monkeypatch.setattr(sys, "argv", ["benchmarks", *options])
    return bench.main()


def test_a_part_that_fails_leaves_the_keys_of_the_others(output, monkeypatch, capsys):
    code = run(monkeypatch, {"one": {"key_one": 1.5}, "two": 3, "three": {"key_three": 2}})

    found = json.loads(output.read_text())
    assert (found["key_one"], found["key_three"]) == (1.5, 2)
    assert code == 1
    assert "FAILED two" in capsys.readouterr().err


def test_a_part_that_leaves_its_key_out_fails(monkeypatch, capsys):
    assert run(monkeypatch, {"one": {"other": 1}}) == 1
    assert "key_one" in capsys.readouterr().err


def test_parts_may_be_chosen(output, monkeypatch):
    assert run(monkeypatch, {"one": {"key_one": 1}, "two": 3}, "one") == 0
    assert json.loads(output.read_text())["key_one"] == 1


def test_an_unknown_part_is_named(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, {"one": 1}, "eleven")
    assert "eleven" in capsys.readouterr().err


def test_the_whole_is_planned_within_its_half_hour_and_no_key_is_written_twice():
    keys = [key for part in PARTS.values() for key in part.keys]

    assert len(set(keys)) == len(keys)
    assert sum(part.seconds for part in PARTS.values()) <= 60 * MINUTES


@pytest.mark.parametrize("name", PARTS)
def test_every_part_has_its_module(name):
    assert callable(getattr(import_module(f"benchmarks.{PARTS[name].module}"), PARTS[name].function))


def test_shares_are_of_what_the_machine_can_do_at_most():
    spaces = {"identity": {"numbers": 512, "code_bytes": 10**9, "milliseconds": {"b1 k1": 100, "b4096 k1": 8192}}}
    found = shares(
        {
            "limits": {"one_core": {"read_gb_per_second": 20, "int8_gops": 1024, "float32_gops": 100}},
            "growth_over_references": {"all_spaces": {"1000": {}, "1000000": {"spaces": spaces}}},
            "forward_ms_per_image": {"copy": {"openvino float32": 8, "openvino bfloat16": 4}},
            "forward_gop_per_image": {"copy": 0.4},
        }
    )

    assert found == pytest.approx(
        {
            "search_b1_of_memory_at_1000000": 0.5,
            "search_b4096_of_int8_at_1000000": 0.5,
            "forward_copy_of_float32": 0.5,
        }
    )


def test_nothing_is_a_share_of_what_was_not_measured():
    assert shares({}) == {}
    assert shares({"limits": {"one_core": None}}) == {}
