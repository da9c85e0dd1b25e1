"""What a run costs beside the forwards: models that answer at once, PNG in and out, everything else as ever.

Per image is the slope between a small and a large run, so that starting (told apart) is not in it: process time of all
processes, on all cores. Cores are compared by the clock, in turn. Memory is the peak of the run's own process; decode
workers have limits of their own. The long form has more rounds and more sizes.
"""

import os
import shutil
import tempfile
from pathlib import Path

from benchmarks.pipeline.first_verdict import seconds_to_first_verdict
from benchmarks.pipeline.inputs import write_references, write_synthetic
from benchmarks.run_apart import run_apart

SIZES = {256: (500, 2500), 1024: (100, 500)}
"""Images of the small and the large run, by side in pixels."""
GROWTH = (2_000, 200_000)
GROWTH_LONG = (1_000, 2_000, 10_000, 50_000, 100_000, 200_000)
TINY = 64
ROOM = 6 * 2**30


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
    """Process milliseconds per image, seconds to start, and images per second by cores: medians of the rounds.

    Seconds to the first verdict are those of the real command with the shipped models.
    """
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
        "seconds_to_first_verdict": median([seconds_to_first_verdict(folder, str(TINY)) for _ in range(rounds)]),
        "process_ms_per_image": median(each),
        "process_seconds_to_start": median(starts),
        "images_per_second": median([rate for rate, _, _ in speedups]),
        "images_per_second_on_one_core": median([rate for _, rate, _ in speedups]),
        "all_cores_over_one": median([ratio for _, _, ratio in speedups]),
        "cores": cores,
    }


def growth(counts):
    """Peak memory and time by the number of tiny images.

    In memory where there is room, for a set of 200,000 is published with a sync for each file.
    """
    with tempfile.TemporaryDirectory(dir=_memory_folder()) as name:
        folder, cores = inputs(Path(name), TINY, counts), len(os.sched_getaffinity(0))
        return {count: one_run(folder, str(count), cores) for count in counts}


def _memory_folder():
    """A folder in memory with some GiB to spare; None where there is none."""
    found = Path("/dev/shm")
    return found if found.is_dir() and shutil.disk_usage(found).free > ROOM else None


def figures(*, long):
    """Of the pipeline."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        found = {side: rates(root, side, counts, 5 if long else 3) for side, counts in SIZES.items()}
    grown = growth(GROWTH_LONG if long else GROWTH)
    peaks = {count: each["peak_mebibytes"] for count, each in grown.items()}
    return {
        **{f"pipeline_ms_per_image_{side}": each["process_ms_per_image"] for side, each in found.items()},
        "pipeline_two_cores_over_one": found[256]["all_cores_over_one"],
        "seconds_to_first_verdict": found[256]["seconds_to_first_verdict"],
        "peak_memory_200k_over_2k_images": peaks[200_000] / peaks[2_000],
        "pipeline": {"by_side": found, "growth": grown},
    }
