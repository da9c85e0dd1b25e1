"""By coverage: atheris (`make fuzz GUIDED=config`) makes the bytes that Hypothesis makes its choices from.

What it finds is kept as everything else; the choices of its own corpus lie in out/fuzz.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from types import FunctionType

from fuzz.campaign import Found, keep, try_one
from fuzz.targets import TARGETS
from hypothesis import HealthCheck, given, settings

OWN = Path("out/fuzz")


def run_guided(name: str) -> int:
    """Until something is found or it is interrupted; it does not return.

    Raises:
        SystemExit: atheris is not installed.
    """
    try:
        import atheris  # noqa: PLC0415 - no part of the development install: its wheels are not there for each Python
    except ImportError:
        sys.exit("atheris is not installed: `make fuzz GUIDED=…` installs it")
    target = TARGETS[name]()

    @settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(target.strategy)
    def holds(content: bytes) -> None:
        try:
            try_one(name, target, content)
        except Found as found:
            print(f"FOUND {found}; kept as {keep(found)}", flush=True)  # noqa: T201
            raise

    (OWN / name).mkdir(parents=True, exist_ok=True)
    # Not `instrument_all`, which takes minutes for what PyTorch brings along.
    for function in gc.get_objects():
        if isinstance(function, FunctionType) and (function.__module__ or "").startswith("cxrgate."):
            atheris.instrument_func(function)
    atheris.Setup([sys.argv[0], str(OWN / name)], holds.hypothesis.fuzz_one_input)
    atheris.Fuzz()
    return 0
