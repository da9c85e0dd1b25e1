"""As many open files as this process may have: each connection is one, and whoever connects may say nothing."""

from __future__ import annotations

import resource

MOST = 65_536


def take_all_descriptors() -> None:
    """Raise the soft limit of open files to the hard one, MOST at most.

    The soft limit is often 1,024, for programs that use select(). So many silent connections would keep everybody out
    until their time for a handshake is over (measured with 256: 20 s).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(MOST, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
