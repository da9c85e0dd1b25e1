"""A fresh interpreter in which cxrgate is installed with some of its extras, as far as importing tells."""

import json
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TORCH = ("torch", "torchvision", "pandas", "pyarrow")
HEAVY = (*TORCH, "openvino", "scipy", "PIL")

_SCRIPT = """
import json, sys, time

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

missing = set(json.loads(sys.argv[1]))
sys.meta_path.insert(0, Missing())
sys.argv = ["cxrgate", *json.loads(sys.argv[2])]
started = time.perf_counter()
result = None
%s
named = [(name, getattr(module, "__file__", None)) for name, module in sys.modules.items()]
own = [name for name, file in named if file and name.startswith("cxrgate.")]
print(json.dumps([result, time.perf_counter() - started, sorted(own), sorted(set(sys.modules) & set(%r))]))
"""


@dataclass(frozen=True)
class Loaded:
    """What a piece of code gave, how long it took, and what was loaded by then: own modules, and those of HEAVY."""

    result: object
    seconds: float
    own: tuple[str, ...]
    heavy: tuple[str, ...]

    def tell(self, what):
        """Print the time and the number of own modules; `pytest -s` shows it."""
        sys.stdout.write(f"\n{what}: {self.seconds:.2f} s, {len(self.own)} modules of cxrgate")


def run_fresh(code, extras=None, arguments=()):
    """Run statements that may set `result` in an interpreter that lacks what those extras don't bring.

    `extras` None hides nothing, an empty sequence leaves the client's dependencies alone.
    """
    hidden = [] if extras is None else _hidden(tuple(extras))
    script = _SCRIPT % (code, HEAVY)
    command = [sys.executable, "-c", script, json.dumps(hidden), json.dumps([str(word) for word in arguments])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Loaded(*json.loads(done.stdout.splitlines()[-1]))


@cache
def _hidden(extras):
    """The installed packages that neither cxrgate nor an extra asks for, by the names they are imported by."""
    kept = _needed([*PROJECT["dependencies"], *[line for name in extras for line in _lines(name)]])
    return sorted(
        module
        for module, owners in packages_distributions().items()
        if not {canonicalize_name(owner) for owner in owners} & kept and module != "cxrgate"
    )


def _lines(extra):
    """The requirements of an extra of pyproject.toml, with those of the extras that it contains."""
    for line in PROJECT["optional-dependencies"][extra]:
        if line.startswith("cxrgate["):
            yield from _lines(line.removeprefix("cxrgate[").rstrip("]"))
        else:
            yield line


def _needed(lines, extra="", found=None):
    """The distributions that requirement lines lead to."""
    found = set() if found is None else found
    for requirement in map(Requirement, lines):
        name = canonicalize_name(requirement.name)
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": extra})):
            continue
        found.add(name)
        try:
            _needed(requires(name) or [], ",".join(requirement.extras), found)
        except PackageNotFoundError:
            continue
    return found
