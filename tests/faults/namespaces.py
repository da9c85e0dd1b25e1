"""A network namespace with a link of its own to this host, which can be taken down: what no relay can stand in for."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

_NAME, _HERE = f"cxrgate-faults-{os.getpid()}", f"cxrf{os.getpid() % 10**6}"
_NET = "198.18.93"
"""Of the addresses that are set apart for benchmarks of network devices: nobody else's."""


@dataclass(frozen=True, slots=True)
class Within:
    """Where a process runs: the address at which others reach it, and the words before its command."""

    host: str = "127.0.0.1"
    words: Sequence[str] = ()


HERE = Within()


def why_not() -> str:
    """Why this machine has no namespaces for us; "" where it has."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "Debian's iproute2 is not installed"
    made = _ip("netns", "add", _NAME)
    _ip("netns", "del", _NAME)
    return made.stderr.strip()


@contextmanager
def namespace() -> Iterator[Within]:
    """A namespace with a pair of virtual devices to this one; everything goes in the end."""
    there = f"{_HERE}t"
    steps = [
        ["netns", "add", _NAME],
        ["link", "add", _HERE, "type", "veth", "peer", "name", there, "netns", _NAME],
        ["addr", "add", f"{_NET}.1/30", "dev", _HERE],
        ["-n", _NAME, "addr", "add", f"{_NET}.2/30", "dev", there],
        ["-n", _NAME, "link", "set", "lo", "up"],
        ["-n", _NAME, "link", "set", there, "up"],
        ["link", "set", _HERE, "up"],
    ]
    try:
        for step in steps:
            _ip(*step).check_returncode()
        yield Within(f"{_NET}.2", ["ip", "netns", "exec", _NAME])
    finally:
        _ip("link", "del", _HERE)
        _ip("netns", "del", _NAME)


def set_link(*, up: bool) -> None:
    """Take the link down, or up again."""
    _ip("link", "set", _HERE, "up" if up else "down").check_returncode()


def _ip(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *words], check=False, capture_output=True, text=True)
