"""The tries of `make faults`: they reach what they name, find what is wrong, and count it."""

import dataclasses

import pytest
from faults.__main__ import try_all
from faults.interventions import POINTS, resolve
from faults.job import write_job
from faults.runs import Runs
from faults.table import print_table
from faults.tries import Bench, NotTried, Try, released


@pytest.mark.parametrize("point", POINTS)
def test_each_failpoint_is_a_function_of_a_run(point):
    holder, name = resolve(point)
    assert callable(getattr(holder, name))


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    job = write_job(folder, 100)
    with Runs(folder / "runs") as runs:
        assert runs.start(job.config("whole")).wait()["done"]
        yield Bench(job, runs, released(job.output("whole")))


def test_a_run_that_was_killed_at_a_failpoint_resumes(bench):
    kill = ("kill", {"at": "journal", "nth": 2, "after": False})
    assert bench.fall("kill", "killed", [kill]).violations == ()
    assert (bench.job.output("killed") / "released/manifest.json").exists()


def test_a_set_that_differs_from_the_one_without_faults_is_a_violation(bench):
    first, *rest = bench.expected
    other = dataclasses.replace(bench, expected={"never.png": b"", **{name: bench.expected[name] for name in rest}})
    tried = other.resume("none", "whole", {"done": True})
    assert tried.violations == (f"released {first}, unlike the run without faults", "did not release never.png")


def test_an_end_that_says_nothing_plain_is_a_violation(bench):
    ended = {"done": False, "error": "KeyError", "message": "'a'"}
    assert bench.resume("none", "whole", ended).violations == ("does not say plainly why it ended: KeyError: 'a'",)


def test_a_failpoint_that_is_never_reached_is_no_pass(bench):
    running = bench.runs.start(bench.job.config("far"), [("kill", {"at": "journal", "nth": 10**6})])
    assert running.wait()["done"]


def test_the_table_counts_violations_and_says_what_was_not_tried(capsys):
    print_table([Try("one", (), 1.0), Try("one", ("a", "b"), 2.0), NotTried("two", "no root")])
    told = capsys.readouterr().out.splitlines()
    assert told[1].split() == ["one", "2", "2", "2.0", "s"]
    assert told[2] == "two  not tried: no root"
    assert told[-1] == "2 violations in 2 tries"


def test_groups_are_tried_by_name(tmp_path):
    found = []
    try_all(tmp_path, 100, found, only="two owners")
    assert [item.fault for item in found] == ["none", "two runs on one output"]
    assert not any(item.violations for item in found)
