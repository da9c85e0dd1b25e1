"""Peak memory and time of a run as the number of images grows: tiny ones, and models that answer at once.

Memory is the peak of the run's own process; decode workers have limits of their own. The long form has more sizes.
"""

import os
import shutil
import tempfile
from pathlib import Path

from benchmarks.pipeline.figures import inputs, one_run

SIDE = 64
SIZES = (2_000, 200_000)
LONG_SIZES = (1_000, 2_000, 10_000, 50_000, 100_000, 200_000)
ROOM = 6 * 2**30


def growth(counts):
    """By the number of images; in memory where there is room, so that no disk decides on the time."""
    with tempfile.TemporaryDirectory(dir=_memory_folder()) as name:
        folder, cores = inputs(Path(name), SIDE, counts), len(os.sched_getaffinity(0))
        return {count: one_run(folder, str(count), cores) for count in counts}


def _memory_folder():
    """A folder in memory with some GiB to spare; None where there is none."""
    found = Path("/dev/shm")
    return found if found.is_dir() and shutil.disk_usage(found).free > ROOM else None


def figures(*, long):
    """Of images."""
    grown = growth(LONG_SIZES if long else SIZES)
    peaks = {count: each["peak_mebibytes"] for count, each in grown.items()}
    return {"peak_memory_200k_over_2k_images": peaks[200_000] / peaks[2_000], "growth_over_images": grown}
