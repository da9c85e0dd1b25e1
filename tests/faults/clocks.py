"""Clocks that jump while images are checked, by libfaketime: a certificate is over on a date, and only then."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from faults.certified import certify
from faults.job import JOURNAL
from faults.runs import Runs
from faults.tries import BEGUN, Bench, NotTried, Try, size, until

JUMPS = {"-1h": "", "+1h": "", "+91d": "CertificateError"}
"""Per jump the error in which the run ends; none where its certificate is current all the same."""


def jumps(bench: Bench) -> Iterator[Try | NotTried]:
    """In a run that asks for a certificate: it pauses when that is over, and goes on when the clock is right again."""
    found = find_spec("libfaketime")
    if found is None or found.origin is None:
        yield NotTried("clock jumps", "libfaketime is not installed")
        return
    folder, name = bench.job.folder, "clock"
    certified = {"certification": "required", "certification_key": str(folder / "signing.pub")}
    certify(bench.job, name)
    clock = folder / "now"
    environment = {
        "LD_PRELOAD": str(Path(found.origin).parent / "vendor/libfaketime/src/libfaketime.so.1"),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }
    clock.write_text("+0")
    with Runs(folder / "clock runs", environment) as runs:
        for jump, error in bench.some(JUMPS.items()):
            bench.job.clear(name)
            running = runs.start(bench.job.config(name, **certified))
            until(running, lambda: size(bench.job.output(name) / JOURNAL) > BEGUN)
            clock.write_text(jump)
            ended = running.wait()
            clock.write_text("+0")
            told = () if ended.get("error", "") == error else (f"expected {error or 'no error'}, got {ended}",)
            tried = bench.resume(f"clock jumps by {jump}", name, ended, settings=certified)
            yield Try(tried.fault, (*told, *tried.violations), tried.seconds)
