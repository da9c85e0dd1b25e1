"""The searches over codes that this machine can run: numpy's, and the kernel of this source for each kind of CPU."""

from __future__ import annotations

import importlib.util
import tempfile
from functools import cache
from pathlib import Path

import pytest

from cxrgate.index.engines.coded import kernel, scan

ROOT = Path(__file__).parents[2]
NUMPY = "numpy"
NAMES = (NUMPY, *(cpu.name for cpu in kernel.Cpu if cpu != kernel.Cpu.NONE))


def hatch_build():
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def library():
    """The kernel, compiled from this source and not from whatever lies in the working copy; None without a compiler."""
    path = Path(tempfile.mkdtemp()) / "nearest.so"
    return path if hatch_build().compile_kernel(ROOT, path) else None


@cache
def kernels():
    """The names of the kernels that this machine can run: of its CPU and of lesser ones; none without a compiler."""
    best = kernel.Cpu.NONE if library() is None else kernel.load(library()).cpu
    return tuple(cpu.name for cpu in kernel.Cpu if kernel.Cpu.NONE < cpu <= best)


def search(name):
    """The search of that name; skips the test where this machine cannot run it."""
    if name == NUMPY:
        return scan.nearest
    if name not in kernels():
        pytest.skip("no compiler" if library() is None else f"no CPU of the kind {name}")
    return kernel.load(library(), kernel.Cpu[name]).nearest
