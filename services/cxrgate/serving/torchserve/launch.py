"""Become another program that gets SIGTERM when the parent ends, however it ends.

Run as a file: `python launch.py PARENT PROGRAM ARGUMENTS...`. The kernel keeps the wish over execv. A `preexec_fn`
would do the same in the parent's memory, where gRPC's threads make a fork unsafe.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask, look whether the parent is still there, and go."""
    parent, *command = sys.argv[1:]
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != int(parent):
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - the caller's own command


if __name__ == "__main__":
    main()
