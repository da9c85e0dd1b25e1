"""How many processes decode, where the configuration leaves that to the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cxrgate.models.runtimes.cores import usable_cores

WorkerChoice = int | Literal["auto"]

MOST = 16
"""More than these one process does not keep at work: what it does itself takes about as long as a tenth of them."""

MEMORY_BYTES = 2**29
"""Of one worker: the largest allowed image takes below 0.5 GiB, see images.sandbox.lockdown."""

_MACHINE = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


def count_workers(asked: WorkerChoice, device: str) -> int:
    """As many as were asked for. `auto`: for a GPU a worker per core but one, for a CPU that computes one per two.

    Never more than half of the memory that is free would hold, nor than MOST; at least one.
    """
    if asked != "auto":
        return asked
    cores = usable_cores()
    wanted = (cores + 1) // 2 if device == "cpu" else cores - 1
    return max(1, min(wanted, MOST, _free_memory() // 2 // MEMORY_BYTES))


def _free_memory() -> int:
    """Bytes that this machine, and this process's container (cgroup v2), have left."""
    return min(_free_of_machine(), _free_of_container())


def _free_of_machine() -> int:
    lines = dict(line.split(":", 1) for line in _MACHINE.read_text(encoding="ascii").splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024


def _free_of_container() -> int:
    """Without a limit as much as any machine has."""
    try:
        limit, used = (int((_GROUP / name).read_text(encoding="ascii")) for name in ("memory.max", "memory.current"))
    except (OSError, ValueError):  # no such file, or "max": no limit
        return 2**63
    return max(0, limit - used)
