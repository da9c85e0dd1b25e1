"""One run in a process of its own, which says what it took in its last line of JSON."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]


def run_apart(module: str, folder: Path, name: str, argument: int) -> dict:
    """What `python -m MODULE FOLDER NAME OUTPUT ARGUMENT` says; the output is removed again."""
    output = folder / "out"
    command = [sys.executable, "-m", module, str(folder), name, str(output), str(argument)]
    paths = {**os.environ, "PYTHONPATH": str(TESTS)}  # pytest tells its own paths to no process it starts
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=paths).stdout
    shutil.rmtree(output)
    return json.loads(found.splitlines()[-1])
