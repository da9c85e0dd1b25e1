"""The peak memory of this process."""

from __future__ import annotations

from pathlib import Path


def peak_mebibytes() -> float:
    """The most that was resident since this program was started.

    getrusage would also count what the process that started it had before: a child has its parent's peak until it
    loads its own program, and ru_maxrss keeps it.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
