"""How many cores there are to compute on."""

from __future__ import annotations

import math
import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_limit: list[int] = []


def limit_cores(count: int) -> None:
    """Let this process count on no more cores than that, from now on: others have the rest."""
    _limit[:] = [count]


def usable_cores() -> int:
    """Those that this process may run on, within its limit and its container's quota (cgroup v2): one or more."""
    cores = min([len(os.sched_getaffinity(0)), *_limit])
    try:
        quota, period = _QUOTA.read_text(encoding="ascii").split()
        return max(1, min(cores, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # no such file, or "max": no quota
        return cores
