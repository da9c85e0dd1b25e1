import pytest

from cxrgate.index.memory import free_memory

GIB = 2**30


@pytest.mark.parametrize(
    ("limit", "used", "expected"),
    [("max", 1 * GIB, 8 * GIB), (str(3 * GIB), 1 * GIB, 2 * GIB), (str(64 * GIB), 1 * GIB, 8 * GIB), ("5", 6, 0)],
    ids=["no limit", "less than the host has", "more than the host has", "used up"],
)
def test_memory_is_the_hosts_or_what_the_container_leaves(tmp_path, limit, used, expected):
    (tmp_path / "meminfo").write_text(f"MemTotal: 99 kB\nMemAvailable:   {8 * GIB // 1024} kB\n")
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text(f"{used}\n")

    assert free_memory(tmp_path / "meminfo", tmp_path) == expected


def test_a_host_without_control_groups_has_its_own_memory(tmp_path):
    (tmp_path / "meminfo").write_text("MemAvailable: 7 kB\n")

    assert free_memory(tmp_path / "meminfo", tmp_path) == 7 * 1024
