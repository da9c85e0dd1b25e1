"""kill -9 at random moments: what is published in the end is what an uninterrupted run publishes."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pandas as pd
import psutil
import pytest
from support.image_sets import tree, write_config, write_sets

from cxrgate.gate.config import read_config
from cxrgate.run.run import run

KILLS = 20

# Has loaded what a run needs, and forks a run for each configuration that it is told of: a run that begins to load
# when it is started takes most of its time for that.
STARTER = """
import os, sys
import cxrgate.cli.commands.run
from cxrgate.cli.main import main
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.dup2(2, 1)
        sys.argv = ["cxrgate", "run", line.strip()]
        sys.exit(main())
    print(pid, flush=True)
    print(os.WTERMSIG(os.waitpid(pid, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kill")
    run(read_config(write_sets(folder)))
    return folder


@pytest.fixture(scope="module")
def starter():
    command, pipe = [sys.executable, "-c", STARTER], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        yield process
        process.stdin.close()


def start(starter, config):
    """Start a run; gives its process."""
    print(config, file=starter.stdin, flush=True)
    return psutil.Process(int(starter.stdout.readline()))


def was_killed(starter):
    """Wait for the end of the run."""
    return int(starter.stdout.readline()) == signal.SIGKILL


def test_released_set_and_decisions_survive_kills(folder, starter):
    config, rng, killed = write_config(folder, folder / "outkill", 1), random.Random(20261124), 0
    journal = folder / "outkill/work/journal.jsonl"
    while killed < KILLS:
        before = journal.stat().st_size if journal.exists() else 0
        process = start(starter, config)
        while process.is_running() and (not journal.exists() or journal.stat().st_size <= before):
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.05))
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if was_killed(starter):
            killed += 1
        else:  # it came to its end before the kill: begin again
            journal.unlink()
    run(read_config(config))
    reference = write_config(folder, folder / "outwhole", 1)
    run(read_config(reference))
    assert tree(folder / "outkill/released") == tree(folder / "outwhole/released")
    for table in ("results", "evidence"):
        pd.testing.assert_frame_equal(
            pd.read_parquet(folder / f"outkill/results/{table}.parquet"),
            pd.read_parquet(folder / f"outwhole/results/{table}.parquet"),
        )
