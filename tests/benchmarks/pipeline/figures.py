"""What a run costs beside the forwards: models that answer at once, PNG in and out, everything else as ever.

Per image is the slope between a small and a large run, so that starting (told apart) is not in it: process time of all
processes, on all cores. Cores are compared by the clock, in turn. The long form has more rounds.
"""

import os
import tempfile
from pathlib import Path

from benchmarks.pipeline.first_verdict import seconds_to_first_verdict
from benchmarks.pipeline.inputs import write_references, write_synthetic
from benchmarks.run_apart import run_apart

SIZES = {256: (500, 2500), 1024: (100, 500)}
"""Images of the small and the large run, by side in pixels."""
TINY = 64
"""Images of the set whose run builds the snapshot."""


def median(values):
    return sorted(values)[len(values) // 2]


def one_run(folder, name, cores):
    """See one_run."""
    return run_apart("benchmarks.pipeline.one_run", folder, name, cores)


def inputs(root, side, counts):
    """A folder with references, their snapshot, and a set of each size, named by its number of images."""
    folder = root / str(side)
    write_references(folder, side)
    for count in (TINY, *counts):
        write_synthetic(folder, str(count), side, count)
    one_run(folder, str(TINY), 1)  # builds the snapshot
    return folder


def slope(small, large, what):
    return (large[what] - small[what]) / (large["images"] - small["images"])


def rates(root, side, counts, rounds):
    """Process milliseconds per image, seconds to start, and images per second by cores: medians of the rounds."""
    folder, cores = inputs(root, side, counts), len(os.sched_getaffinity(0))
    each, starts, speedups = [], [], []
    for _ in range(rounds):
        small, large = (one_run(folder, str(count), cores) for count in counts)
        alone = one_run(folder, str(counts[-1]), 1)
        each.append(1000 * slope(small, large, "process_seconds"))
        starts.append(small["process_seconds"] - each[-1] * small["images"] / 1000)
        speedups.append(
            (
                large["images"] / large["seconds"],
                alone["images"] / alone["seconds"],
                alone["seconds"] / large["seconds"],
            )
        )
    return {
        "process_ms_per_image": median(each),
        "process_seconds_to_start": median(starts),
        "images_per_second": median([rate for rate, _, _ in speedups]),
        "images_per_second_on_one_core": median([rate for _, rate, _ in speedups]),
        "all_cores_over_one": median([ratio for _, _, ratio in speedups]),
        "cores": cores,
    }


def figures(*, long):
    """Of the pipeline; seconds to the first verdict are those of the real command with the shipped models."""
    rounds = 5 if long else 3
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        found = {side: rates(root, side, counts, rounds) for side, counts in SIZES.items()}
        firsts = [seconds_to_first_verdict(root / "256", str(TINY)) for _ in range(rounds)]
    return {
        **{f"pipeline_ms_per_image_{side}": each["process_ms_per_image"] for side, each in found.items()},
        "pipeline_two_cores_over_one": found[256]["all_cores_over_one"],
        "seconds_to_first_verdict": median(firsts),
        "pipeline": {"by_side": found},
    }
