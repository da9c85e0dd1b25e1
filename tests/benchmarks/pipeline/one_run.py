"""One run with null models in a process of its own: prints what it took as a line of JSON.

Usage: python -m benchmarks.pipeline.one_run FOLDER NAME OUTPUT CORES, with the inputs of `inputs` below FOLDER.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

from benchmarks.peak_memory import peak_mebibytes
from benchmarks.pipeline.inputs import STORE, config
from support.null_models import null_models

from cxrgate.run.run import run


def used(who):
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def main(folder, name, output, cores):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(cores)])
    started = time.perf_counter()
    with null_models():
        summary = run(config(Path(folder), name, STORE, Path(output)))
    print(
        json.dumps(
            {
                "images": summary.checked,
                "seconds": summary.seconds,
                "whole_seconds": time.perf_counter() - started,
                "process_seconds": used(resource.RUSAGE_SELF) + used(resource.RUSAGE_CHILDREN),
                "peak_mebibytes": peak_mebibytes(),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
