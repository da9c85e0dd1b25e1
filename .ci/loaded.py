"""How many modules of cxrgate each feature loads, and how long that takes: what a reader of it may have to read.

    python .ci/loaded.py                     the features below
    python .ci/loaded.py NAME=MODULE[,...]   anything else, such as a feature of another version on PYTHONPATH

Counted are files with code of our own: no package's __init__, and no generated stub.
"""

from __future__ import annotations

import json
import subprocess
import sys

FEATURES = {
    "run": ["cxrgate.cli.commands.run", "cxrgate.gate.opening", "cxrgate.run.run", "cxrgate.run_page.page"],
    "CheckImage": ["cxrgate.gateway.process"],
    "enrolment": ["cxrgate.gate.local", "cxrgate.run.enrol"],
    "release report": ["cxrgate.release_report.write"],
    "receiver": ["cxrgate.dicom.process"],
    "command line": ["cxrgate.cli.main"],
    "health": ["cxrgate.cli.commands.health"],
    "certs": ["cxrgate.rpc.development_ca", "cxrgate.rpc.roles"],
    "hash log": ["cxrgate.hashlog"],
    "client": ["cxrgate.client"],
    "configuration": ["cxrgate.gate.config"],
    "a model's manifest": ["cxrgate.models.manifest"],
    "a listing": ["cxrgate.train.listing"],
    "a link to the reviewers' page": ["cxrgate.review.links"],
}
HEAVY = ("torch", "pandas", "pyarrow", "openvino", "scipy", "PIL", "pydicom")
_COUNT = """
import importlib, json, sys, time
started = time.perf_counter()
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
seconds = time.perf_counter() - started
files = [getattr(module, "__file__", None) or "" for name, module in sys.modules.items() if name.startswith("cxrgate.")]
own = [file for file in files if file and "/api/" not in file and not file.endswith("__init__.py")]
print(json.dumps([len(own), seconds, [name for name in json.loads(sys.argv[2]) if name in sys.modules]]))
"""


def loaded(modules: list[str]) -> tuple[int, float, list[str]]:
    """Own modules, seconds, and heavy packages that an interpreter has loaded after importing `modules`."""
    command = [sys.executable, "-c", _COUNT, json.dumps(modules), json.dumps(HEAVY)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this very interpreter
    count, seconds, heavy = json.loads(done.stdout)
    return count, seconds, heavy


def main() -> None:
    """Print a line for each feature."""
    features = dict(argument.split("=") for argument in sys.argv[1:])
    asked = {name: modules.split(",") for name, modules in features.items()} or FEATURES
    for name, modules in asked.items():
        count, seconds, heavy = loaded(modules)
        sys.stdout.write(f"{name:32}{count:5} modules {seconds:6.2f} s  {', '.join(heavy)}\n")


if __name__ == "__main__":
    main()
