"""One set, checked with the models in this process, on TorchServe and on Triton: the same verdicts and release."""

import numpy as np
import pandas as pd
import pytest
from support.image_sets import tree, write_config, write_sets
from support.torchserve_process import ModelServer
from support.triton_process import NOT_TRIED, Triton, is_installed
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.gate.config import read_config
from cxrgate.run.run import run

DECIDED = ["image_id", "decision", "reasons", "released_as", "nearest"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run in this process."""
    folder = tmp_path_factory.mktemp("set")
    run(read_config(write_sets(folder)))
    return folder


def torchserve(folder):
    server = ModelServer(folder / "models", folder / "torchserve")
    server.start()
    server.wait()
    return server, server.address


def triton(folder):
    exported = CliRunner().invoke(
        app, ["model", "export", str(folder / "models"), "--output", str(folder / "repository")]
    )
    assert exported.exit_code == 0, exported.output
    (folder / "triton").mkdir()
    server = Triton(folder / "repository", folder / "triton")
    server.start()
    return server, f"oip://{server.address}"


SERVERS = [
    pytest.param(torchserve, marks=pytest.mark.model_server),
    pytest.param(triton, marks=[pytest.mark.triton, pytest.mark.skipif(not is_installed(), reason=NOT_TRIED)]),
]


@pytest.mark.parametrize("start", SERVERS)
def test_a_run_on_served_models_decides_and_releases_the_same(folder, start):
    server, address = start(folder)
    try:
        config = write_config(folder, folder / start.__name__ / "out", 4, model_server=f'"{address}"')
        answer = CliRunner().invoke(app, ["run", str(config)])
    finally:
        server.stop()

    assert answer.exit_code == 3, answer.output
    name = f"{start.__name__}/out"
    assert tree(folder / name / "released") == tree(folder / "out/released")
    here, there = (pd.read_parquet(folder / one / "results/results.parquet") for one in ("out", name))
    told = [column for column in DECIDED if column in here]
    assert set(here["decision"]) == {"ANONYMOUS", "NOT_ANONYMOUS", "INDETERMINATE"}
    assert (here[told] == there[told]).all(axis=None)
    assert np.nanmax(np.abs(here["score"] - there["score"])) < 1e-5
