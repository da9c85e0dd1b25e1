"""How much memory this process may still take."""

from __future__ import annotations

import re
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def free_memory(meminfo: Path = _MEMINFO, cgroup: Path = _CGROUP) -> int:
    """Bytes: what the host has available, or what is left below the container's limit, whichever is less.

    Args:
        meminfo: the kernel's table.
        cgroup: folder with memory.max and memory.current (cgroup v2), where this process has one.
    """
    found = re.search(r"^MemAvailable:\s+(\d+) kB", meminfo.read_text(), re.MULTILINE)
    host = int(found[1]) * 1024 if found else 0
    try:
        limit, used = (cgroup / "memory.max").read_text().strip(), int((cgroup / "memory.current").read_text())
    except OSError:
        return host
    return host if limit == "max" else min(host, max(0, int(limit) - used))
