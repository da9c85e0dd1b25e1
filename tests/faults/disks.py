"""A disk that is full, fails, or has limits: the run says so in a sentence, and goes on when it is mended."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faults.job import JOURNAL
from faults.tries import BEGUN, Bench, NotTried, Try, size, until

REFUSED = {
    "write of the journal fails, disk full": ("write", 6, "ENOSPC"),
    "write of the journal fails, I/O error": ("write", 6, "EIO"),
    "fsync of the journal fails": ("sync", 6, "EIO"),
    "fsync of the set fails": ("sync", 400, "EIO"),
    "rename of the set fails, read-only": ("rename", 1, "EROFS"),
    "links of the set fail, copies are made": ("link", 1, "EPERM"),
    "too many open files": ("open", 300, "EMFILE"),
}
"""Per fault the failpoint, its call and the error."""


NO_DISK = "mounting a tmpfs needs root"


def of_calls(bench: Bench) -> Iterator[Try]:
    """Calls that the operating system refuses."""
    for fault, (at, nth, error) in bench.some(REFUSED.items()):
        bench.job.clear("refused")
        yield bench.fall(fault, "refused", [("fail", {"at": at, "nth": nth, "error": error})])
    bench.job.clear("refused")
    yield bench.fall(
        "files may not grow (RLIMIT_FSIZE)", "refused", [("limit", {"kind": "RLIMIT_FSIZE", "value": 60_000})]
    )


def full(bench: Bench) -> Iterator[Try | NotTried]:
    """A file system of its own that is filled to the last byte while images are checked."""
    fault, name = "disk filled while checking", "full"
    output = bench.job.output(name)
    output.mkdir()
    with small_disk(output, 192) as mounted:
        if not mounted:
            yield NotTried(fault, NO_DISK)
            return
        running = bench.runs.start(bench.job.config(name))
        journal = output / JOURNAL
        until(running, lambda: size(journal) > BEGUN)
        ballast = output / "ballast"
        running.send(signal.SIGSTOP)  # or it may come to its end before the disk is full
        fill(ballast)
        running.send(signal.SIGCONT)
        ended = running.wait()
        violations = () if ended and not ended.get("done") else (f"the disk was full, and the run ended in {ended}",)
        ballast.unlink()
        found = bench.resume(fault, name, ended)
        yield Try(fault, (*violations, *found.violations), found.seconds)


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[bool]:
    """A file system of its own over an empty folder, while the context lasts; whether this machine can have one."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path: Path) -> None:
    """Write a file until not one byte more finds room."""
    with path.open("wb", buffering=0) as file:
        for block in (2**20, 2**12, 1):
            try:
                while True:
                    file.write(bytes(block))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
