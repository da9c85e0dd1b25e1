"""kill -9 at random moments: what is published in the end is what an uninterrupted run publishes."""

import os
import random
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from sets import tree, write_config, write_sets

from cxrgate.gate import read_config, run

KILLS = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kill")
    run(read_config(write_sets(folder)))
    return folder


def start(config):
    command = [sys.executable, "-c", "from cxrgate.cli.main import main; main()", "run", str(config)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def test_released_set_and_decisions_survive_kills(folder):
    config, rng, killed = write_config(folder, folder / "outkill", 1), random.Random(20261124), 0
    while killed < KILLS:
        process = start(config)
        journal = folder / "outkill/work/journal.jsonl"
        before = journal.stat().st_size if journal.exists() else 0
        while process.poll() is None and (not journal.exists() or journal.stat().st_size <= before):
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.05))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            killed += 1
        process.wait()
        if process.returncode >= 0:  # it came to its end before the kill: begin again
            (folder / "outkill/work/journal.jsonl").unlink()
    run(read_config(config))

    reference = write_config(folder, folder / "outwhole", 1)
    run(read_config(reference))
    assert tree(folder / "outkill/released") == tree(folder / "outwhole/released")
    for table in ("results", "evidence"):
        pd.testing.assert_frame_equal(
            pd.read_parquet(folder / f"outkill/results/{table}.parquet"),
            pd.read_parquet(folder / f"outwhole/results/{table}.parquet"),
        )
