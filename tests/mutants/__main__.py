"""`make mutants`: every small change of the decision path is killed by a test, or listed with why it changes nothing.

An own mutator: mutmut and cosmic-ray copy and rewrite whole trees, which packages in three roots of one namespace do
not survive, and start pytest anew for each mutant; here a fork of a process that has loaded everything is enough.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import io
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy  # noqa: F401, ICN001 - loaded before the forks
import pytest
from mutants.equivalent import EQUIVALENT
from mutants.mutations import Mutant, mutants

ROOT = Path(__file__).parents[2]
TARGETS = {
    "cxrgate.core.policy": ["tests/unit/core/test_policy.py", "tests/unit/core/test_standout.py"],
    "cxrgate.core.standout": ["tests/unit/core/test_standout.py", "tests/unit/core/test_policy.py"],
    "cxrgate.run.release": ["tests/unit/run/test_release.py", "tests/unit/run/test_withheld.py"],
}
"""Per module of the decision path the tests that have to kill its mutants."""
SECONDS = 120


def main(only: Sequence[str]) -> int:
    """Try all mutants of the modules whose names hold one of the words; 1 where one survives."""
    survivors, count = [], 0
    for module, tests in TARGETS.items():
        if only and not any(word in module for word in only):
            continue
        spec = importlib.util.find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        for mutant in mutants(Path(spec.origin).read_text()):
            count += 1
            if _survives(module, mutant, tests) and (module, mutant.before, mutant.change) not in EQUIVALENT:
                survivors.append(mutant)
                print(f"SURVIVES {module}:{mutant.line} {mutant.change}: {mutant.before}", flush=True)  # noqa: T201
    print(f"{len(survivors)} survivors in {count} mutants")  # noqa: T201
    return int(bool(survivors))


def _survives(module: str, mutant: Mutant, tests: Sequence[str]) -> bool:
    pid = os.fork()
    if pid == 0:
        os._exit(_tested(module, mutant, tests))
    return os.waitpid(pid, 0)[1] == 0


def _tested(module: str, mutant: Mutant, tests: Sequence[str]) -> int:
    """The exit code of the tests over the mutant; any end but success kills it."""
    os.chdir(ROOT)
    for name in [name for name in sys.modules if name.startswith("cxrgate")]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Finder(module, mutant.source))
    options = ["-q", "-x", "-p", "no:cacheprovider", f"--timeout={SECONDS}", "-W", "ignore", *tests]
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            return int(pytest.main(options))
    except BaseException:  # noqa: BLE001 - a mutant that cannot be imported is dead
        return 1


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the mutant in the module's place."""

    def __init__(self, module: str, source: str) -> None:
        self._module, self._source = module, source

    def find_spec(self, name: str, _path: object, _target: object = None) -> importlib.machinery.ModuleSpec | None:
        """Of the one module."""
        return importlib.machinery.ModuleSpec(name, self) if name == self._module else None

    def exec_module(self, module: object) -> None:
        """Run the changed source."""
        exec(compile(self._source, self._module, "exec"), vars(module))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
