"""A run and a gate on served models."""

import shutil
import time

import numpy as np
import pandas as pd
import pytest
from support.image_sets import tree, write_config
from support.service_process import GATE, INDEX, Process
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.client import Gate, Image
from cxrgate.rpc.channel import Identity

pytestmark = pytest.mark.model_server


def test_run_with_served_models_and_index_releases_the_same_bytes(server, folder, certificates):
    (folder / "store").mkdir()
    shutil.copytree(folder / "snapshot", folder / "store" / "first")
    with Process("index", INDEX, folder, ["cxrgate.cli", "serve", "index", folder / "store"]).started() as index:
        config = write_config(folder, folder / "outremote", 4)
        remote = ["--models", server.address, "--index", index.address, "--certificates", str(certificates / "gate")]
        answer = CliRunner().invoke(app, ["run", str(config), *remote])

    assert answer.exit_code == 3, answer.output
    assert (folder / "outremote/report.html").is_file()
    assert tree(folder / "outremote/released") == tree(folder / "out/released")
    local, remote = (pd.read_parquet(folder / name / "results/results.parquet") for name in ("out", "outremote"))
    assert (local[["image_id", "decision", "reasons"]] == remote[["image_id", "decision", "reasons"]]).all(axis=None)
    assert np.nanmax(np.abs(local["score"] - remote["score"])) < 1e-5


@pytest.fixture(scope="module")
def gate(server, folder, certificates):
    command = ["cxrgate.cli", "serve", "gate", folder / "out.yaml", "--log", folder / "gate.log"]
    with Process("gate", GATE, folder, [*command, "--models", server.address]).started() as gate:
        yield gate


@pytest.mark.slow
def test_gate_on_served_models_gives_the_verdicts_of_the_local_run(gate, folder, certificates):
    paths = sorted(path for path in (folder / "synthetic").rglob("*") if path.is_file())
    names = ["-".join(path.relative_to(folder / "synthetic").parts) for path in paths]
    with Gate(gate.address, Identity.read(certificates / "generator")) as client:
        asked = [Image(path.read_bytes(), name) for path, name in zip(paths, names, strict=True)]
        found = {item.image_id: str(item.decision) for item in client.check_many(asked)}

    results = pd.read_parquet(folder / "out/results/results.parquet")
    assert found == {row.image_id.replace("/", "-"): row.decision for row in results.itertuples()}


@pytest.mark.slow
def test_gate_is_not_ready_but_lives_while_its_model_server_is_away(gate, server, certificates):
    def health(service):
        asked = ["health", gate.address, "--certificates", str(certificates / "monitor"), "--service", service]
        return CliRunner().invoke(app, asked).output.strip()

    assert health(GATE) == "SERVING"
    assert server.stop() == 0
    try:
        until(lambda: health(GATE) == "NOT_SERVING", 40)
        assert health("") == "SERVING"
    finally:
        server.start()
    server.wait()
    gate.wait()


def until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)
