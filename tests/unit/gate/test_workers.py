"""How many decode workers `auto` comes to, by cores, memory and device."""

import os

import pytest

from cxrgate.core import UsageError
from cxrgate.gate import workers
from cxrgate.gate.config import RunConfig, make_section
from cxrgate.gate.workers import count_workers
from cxrgate.models.runtimes import cores

PLACES = {"synthetic": "a", "output": "b", "snapshot": "c"}


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Sets cores, free GiB of the machine, and limit and use of the container in GiB."""
    monkeypatch.setattr(workers, "_MACHINE", tmp_path / "meminfo")
    monkeypatch.setattr(workers, "_GROUP", tmp_path)
    monkeypatch.setattr(cores, "_QUOTA", tmp_path / "cpu.max")

    def describe(count, free, limit=None, used=0):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(count)))
        (tmp_path / "meminfo").write_text(f"MemTotal:  999999999 kB\nMemAvailable:  {free * 2**20} kB\n")
        (tmp_path / "memory.max").write_text("max\n" if limit is None else f"{limit * 2**30}\n")
        (tmp_path / "memory.current").write_text(f"{used * 2**30}\n")
        return tmp_path

    return describe


@pytest.mark.parametrize(
    ("count", "device", "expected"),
    [(1, "cpu", 1), (2, "cpu", 1), (3, "cpu", 2), (16, "cpu", 8), (1, "cuda", 1), (2, "cuda", 1), (8, "cuda:1", 7)],
)
def test_cores_and_device_decide(machine, count, device, expected):
    machine(count, free=64)

    assert count_workers("auto", device) == expected


@pytest.mark.parametrize(
    ("memory", "expected"),
    [({"free": 64}, 16), ({"free": 4}, 4), ({"free": 0}, 1), ({"free": 64, "limit": 8, "used": 2}, 6)],
)
def test_memory_bounds_them(machine, memory, expected):
    machine(64, **memory)

    assert count_workers("auto", "cuda") == expected


def test_the_quota_of_a_container_counts(machine):
    (machine(64, free=64) / "cpu.max").write_text("400000 100000\n")

    assert count_workers("auto", "cpu") == 2


def test_without_control_groups_the_machine_counts(machine):
    (machine(64, free=4) / "memory.max").unlink()

    assert count_workers("auto", "cuda") == 4


def test_a_configuration_leaves_it_to_the_machine_and_an_explicit_number_is_taken(machine):
    machine(6, free=64)

    assert RunConfig(**PLACES).decode_workers == 3
    assert RunConfig(**PLACES, workers=40).decode_workers == 40


@pytest.mark.parametrize("bad", [0, 65, "many", 1.5])
def test_anything_else_is_refused(bad):
    with pytest.raises(UsageError, match="workers"):
        make_section({**PLACES, "workers": bad}, RunConfig, "config.yaml")
