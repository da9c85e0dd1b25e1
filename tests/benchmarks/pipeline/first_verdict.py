"""Seconds from the command to the first verdict that is on the disk: imports, snapshot, models, workers, a batch."""

import shutil
import subprocess
import sys
import time

import yaml
from benchmarks.pipeline.inputs import STORE, config

from cxrgate.run.paths import Paths

LOOK_SECONDS = 0.005
"""How often the journal is looked at: a hundredth of what is measured, or less."""


def seconds_to_first_verdict(folder, name):
    """A run of the shipped models over folder/name, against the snapshot that is there; it is ended at its first line.

    The journal's first line says what run it is, the second is a batch that was checked.
    """
    output = folder / "first"
    made = config(folder, name, STORE, output).model_dump(mode="json", by_alias=True, exclude_unset=True)
    (folder / "first.yaml").write_text(yaml.safe_dump(made))
    journal, started = Paths(output).journal, time.perf_counter()
    command = [sys.executable, "-m", "cxrgate.cli", "run", str(folder / "first.yaml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        while not journal.is_file() or journal.read_bytes().count(b"\n") < 2:
            if running.poll() is not None:
                raise RuntimeError(f"expected a run that checks images, it ended: {running.stdout.read()}")
            time.sleep(LOOK_SECONDS)
        seconds = time.perf_counter() - started
        running.kill()
    shutil.rmtree(output)
    return seconds
