"""What this machine can do at most, on one core and on all: the figures that speed is a share of.

Memory is read by whole vectors from 1 GiB; multiply-adds run from registers, by AVX-512 or else by AVX2. A multiply-add
counts as two operations. A CPU without AVX2, or a host without a C compiler, has no figures here, and null in their
place; one without an instruction for it has none of bfloat16.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).with_name("peaks.c")
BYTES = 2**30
STEPS = 2_000_000
SUMS = 12
BYTES_EACH = {"float32": 4, "int8": 1, "bfloat16": 2}
"""Of a number; a vector holds so many of them, and a step multiplies SUMS vectors."""
TRIES = 5


def library(folder: Path) -> ctypes.CDLL | None:
    """The compiled source, None where it does not compile or this CPU has no AVX2 and fused multiply-adds."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None or not {"avx2", "fma"} <= set(Path("/proc/cpuinfo").read_text().split()):
        return None
    made = folder / "peaks.so"
    command = [compiler, "-O3", "-march=native", "-shared", "-fPIC", str(SOURCE), "-o", str(made)]
    if subprocess.run(command, check=False).returncode != 0:
        return None
    return ctypes.CDLL(str(made))


def rate(work: Callable[[], object], amount: float, threads: int) -> float:
    """The most of `amount` per second of CPU time, by so many threads at once, added up.

    ctypes lets go of the interpreter's lock. CPU time, so that other work on the cores does not count.
    """

    def timed() -> float:
        started = time.thread_time()
        work()
        return amount / (time.thread_time() - started)

    with ThreadPoolExecutor(threads) as pool:
        return max(sum(done.result() for done in [pool.submit(timed) for _ in range(threads)]) for _ in range(TRIES))


def limits_of(compiled: ctypes.CDLL, threads: int) -> dict[str, float | None]:
    """GB per second and thousand million operations per second."""
    data = np.ones(BYTES, np.uint8)
    read = compiled.read_bytes
    read.restype = ctypes.c_uint64
    place, count = ctypes.c_void_p(data.ctypes.data), ctypes.c_int64(BYTES)
    found: dict[str, float | None] = {
        "read_gb_per_second": rate(lambda: read(place, count, ctypes.c_int64(1)), BYTES, threads) / 1e9
    }
    for kind, each in BYTES_EACH.items():
        operations = 2 * SUMS * (compiled.vector_bytes() // each)
        found[f"{kind}_gops"] = None
        if hasattr(compiled, f"multiply_{kind}"):
            work = partial(getattr(compiled, f"multiply_{kind}"), ctypes.c_int64(STEPS))
            found[f"{kind}_gops"] = rate(work, STEPS * operations, threads) / 1e9
    return found


def figures(*, long: bool) -> dict:
    """Of this machine."""
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        compiled = library(Path(name))
        if compiled is None:
            return {"limits": {"one_core": None, "all_cores": None}}
        return {"limits": {"one_core": limits_of(compiled, 1), "all_cores": limits_of(compiled, cores), "cores": cores}}
