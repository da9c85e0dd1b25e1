"""`make faults`: faults fall into a job; a table says what came of it, and the last line counts the violations."""

from __future__ import annotations

import argparse
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Try everything; 1 where something was violated."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--form", type=Form, choices=list(Form), default=Form.WHOLE, help="how much is tried")
    parser.add_argument("--images", type=int, help=f"how many, instead of {IMAGES} ({FEW} in the short form)")
    parser.add_argument("--only", default="", help="faults whose group has this in its name")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="cxrgate-faults-") as folder:
        images = options.images or (FEW if options.form is Form.SHORT else IMAGES)
        found = try_all(Path(folder), images, form=options.form, only=options.only)
    print_table(found)
    return int(any(item.violations for item in found if isinstance(item, Try)))


def try_all(folder: Path, images: int, *, form: Form = Form.WHOLE, only: str = "") -> list[Try | NotTried]:
    """Make the job, run it once without a fault, then let each fault fall into it."""
    job = write_job(folder, images)
    with Runs(folder / "runs") as runs:
        ended = runs.start(job.config("whole")).wait()
        if not ended.get("done"):
            raise RuntimeError(f"expected the run without faults to end well, got {ended}")
        bench = Bench(job, runs, released(job.output("whole")), form)
        violations = bench.violations(job.output("whole"))
        found: list[Try | NotTried] = [Try("none", tuple(violations))]
        for group, falls in every_fault().items():
            if only in group:
                started = time.monotonic()
                found += falls(bench)
                print(f"{group}: {time.monotonic() - started:.0f} s", file=sys.stderr)  # noqa: T201
    return found


if __name__ == "__main__":
    sys.exit(main())
