"""`make mutants`: every small change of the decision path is killed by a test, or listed with why it changes nothing.

An own mutator: mutmut and cosmic-ray copy and rewrite whole trees, which packages in three roots of one namespace do
not survive, and start pytest anew for each mutant; here a fork of a process that has loaded everything is enough.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.machinery
import importlib.util
import io
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import settings
from mutants.equivalent import EQUIVALENT
from mutants.mutations import Mutant, mutants

ROOT = Path(__file__).parents[2]
TARGETS = {
    "cxrgate.core.policy": ["unit/core/test_policy.py", "unit/core/test_standout.py"],
    "cxrgate.core.standout": ["unit/core/test_standout.py", "unit/core/test_policy.py"],
    "cxrgate.gate.pipeline": ["unit/gate/test_pipeline.py"],
    "cxrgate.gate.default_rule": ["unit/gate/test_default_rule.py"],
    "cxrgate.gate.remote": ["unit/gate/test_remote.py"],
    "cxrgate.gate.binding": ["unit/gate/test_binding.py"],
    "cxrgate.gate.gates": ["unit/gate/test_gates.py"],
    "cxrgate.gate.drift": ["unit/gate/test_drift.py"],
    "cxrgate.certification.signing": ["unit/certification/test_signing.py"],
    "cxrgate.certification.certificate": ["unit/certification/test_certificate.py"],
    "cxrgate.certification.laxer": ["unit/certification/test_laxer.py"],
    "cxrgate.index.search": ["unit/index/test_search.py"],
    "cxrgate.index.engines.matrix": ["unit/index/engines/test_engines.py", "unit/index/test_search.py"],
    "cxrgate.images.codec.colour": ["unit/images/codec/test_formats.py"],
    "cxrgate.images.codec.shrink": ["unit/images/codec/test_shrink.py"],
    "cxrgate.run.release": ["unit/run/test_release.py", "unit/run/test_withheld.py"],
    "cxrgate.run.withheld": ["unit/run/test_withheld.py"],
}
"""Per module of the decision path the tests, below tests/, that have to kill its mutants."""
SECONDS = 120
"""Of processor time per mutant: an endless loop is dead by then."""


def main(only: Sequence[str], every: int = 1) -> int:
    """Try the mutants of the modules whose names hold one of the words, all or each `every`-th; 1 where one survives.

    The tests must pass over the module as it is, or any mutant would count as killed; what that loads is there for all.
    """
    begun, survivors, count = time.monotonic(), [], 0
    for module, tests in TARGETS.items():
        if only and not any(word in module for word in only):
            continue
        found = list(mutants(_source(module)))[::every]
        if not found:
            continue
        if _run(tests):
            print(f"BROKEN {module}: its tests fail without any change")  # noqa: T201
            return 1
        for mutant in found:
            count += 1
            if _survives(module, mutant, tests) and (module, mutant.before, mutant.change) not in EQUIVALENT:
                survivors.append(mutant)
                print(f"SURVIVES {module}:{mutant.line} {mutant.change}: {mutant.before}", flush=True)  # noqa: T201
        print(f"{module}: {len(found)} tried, {time.monotonic() - begun:.0f} s since the start", flush=True)  # noqa: T201
    print(f"{len(survivors)} survivors in {count} mutants")  # noqa: T201
    return int(bool(survivors))


def _source(module: str) -> str:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).read_text()


def _survives(module: str, mutant: Mutant, tests: Sequence[str]) -> bool:
    pid = os.fork()
    if pid == 0:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        sys.meta_path.insert(0, _Finder(module, mutant.source))
        os._exit(_run(tests))
    return os.waitpid(pid, 0)[1] == 0


def _run(tests: Sequence[str]) -> int:
    """The exit code of the tests over modules that are loaded anew; any end but success kills a mutant."""
    os.chdir(ROOT)
    for name in [name for name, module in sys.modules.items() if _is_ours(module)]:
        del sys.modules[name]
    paths = [f"tests/{name}" for name in tests]
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly", "-W", "ignore", *paths]
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            return int(pytest.main(options))
    except BaseException:  # noqa: BLE001 - a mutant that cannot be imported is dead
        return 1


def _is_ours(module: object) -> bool:
    """Whether it is a module of this repository, a test module among them, that may hold what the mutant changes."""
    file = getattr(module, "__file__", None)
    return bool(file) and Path(file).is_relative_to(ROOT) and not {".venv", "mutants"} & set(Path(file).parts)


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
    # What Hypothesis tries is the same for every mutant, and little: most mutants die of an example in a test.
    settings.register_profile("mutants", max_examples=20, derandomize=True, database=None, deadline=None)
    settings.load_profile("mutants")
    parser = argparse.ArgumentParser(prog="python -m mutants")
    parser.add_argument("only", nargs="*", help="words in the names of modules; without one all are tried")
    parser.add_argument("--every", type=int, default=1, help="try each so-manieth mutant")
    given = parser.parse_args()
    sys.exit(main(given.only, given.every))
