import os

import pytest

from cxrgate.models.runtimes import cores
from cxrgate.models.runtimes.cores import usable_cores


@pytest.fixture
def quota(tmp_path, monkeypatch):
    monkeypatch.setattr(cores, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    return tmp_path / "cpu.max"


@pytest.mark.parametrize(
    ("content", "count"),
    [
        ("max 100000\n", 8),
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),
        ("1000 100000\n", 1),
        ("6400000 100000\n", 8),
    ],
)
def test_a_containers_quota_bounds_the_cores(quota, content, count):
    quota.write_text(f"{content}\n")

    assert usable_cores() == count


def test_without_a_quota_all_that_the_process_may_run_on_are_used(quota):
    assert usable_cores() == 8
