"""`make faults`: faults fall into a job; a table says what came of it, and the last line counts the violations."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from faults.catalogue import every_fault
from faults.job import FEW, IMAGES, write_job
from faults.runs import Runs
from faults.table import print_table
from faults.tries import Bench, Form, NotTried, Try, released

INTERRUPTED = "what comes after these"


def main(arguments: Sequence[str] | None = None) -> int:
    """Try everything; 1 where something was violated."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--form", type=Form, choices=list(Form), default=Form.WHOLE, help="how much is tried")
    parser.add_argument("--images", type=int, help=f"how many, instead of {IMAGES} ({FEW} in the short form)")
    parser.add_argument("--only", default="", help="faults whose group has this in its name")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="cxrgate-faults-", ignore_cleanup_errors=True) as folder:
        images = options.images or (FEW if options.form is Form.SHORT else IMAGES)
        found: list[Try | NotTried] = []
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            try_all(Path(folder), images, found, form=options.form, only=options.only)
        except KeyboardInterrupt:
            found.append(NotTried(INTERRUPTED, "it was stopped"))
    print_table(found)
    return int(any(item.fault == INTERRUPTED or getattr(item, "violations", ()) for item in found))


def try_all(folder: Path, images: int, found: list[Try | NotTried], *, form: Form = Form.WHOLE, only: str = "") -> None:
    """Make the job, run it once without a fault, then let each fault fall into it; what comes of it goes to `found`."""
    job = write_job(folder, images)
    with Runs(folder / "runs") as runs:
        ended = runs.start(job.config("whole")).wait()
        if not ended.get("done"):
            raise RuntimeError(f"expected the run without faults to end well, got {ended}")
        bench = Bench(job, runs, released(job.output("whole")), form)
        violations = bench.violations(job.output("whole"))
        found.append(Try("none", tuple(violations)))
        for group, falls in every_fault().items():
            if only in group:
                started = time.monotonic()
                found += falls(bench)
                print(f"{group}: {time.monotonic() - started:.0f} s", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
