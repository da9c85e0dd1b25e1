"""Memory that runs out while images are checked, while results are written, and while a set is published."""

from __future__ import annotations

from collections.abc import Iterator

from faults.tries import Bench, NotTried, Try

_STARVED = [("journal", 2, 16), ("results", 1, 4), ("embed", 3, 0)]
"""At which call of which failpoint how many MiB are left."""


def exhausted(bench: Bench) -> Iterator[Try | NotTried]:
    """A limit of the address space; where the system's own OOM killer comes it is kill -9, which is tried."""
    for at, nth, mebibytes in bench.some(_STARVED):
        bench.job.clear("starved")
        fault = f"{mebibytes} MiB of memory left at {at}"
        yield bench.fall(fault, "starved", [("starve", {"at": at, "nth": nth, "mebibytes": mebibytes})])
    yield NotTried("memory limit of a container (cgroup)", "groups are the system's; what it does, kill -9, is tried")
