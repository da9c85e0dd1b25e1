"""The models of model_store/ on the real TorchServe: what a run with them releases is what a local run does."""

from pathlib import Path

import pandas as pd
import pytest
from support.grpc_servers import ROLES_FILE
from support.image_sets import tree
from support.service_process import INDEX, Process
from support.torchserve_process import ModelServer
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.demo.dataset import Extent, write_dataset

pytestmark = pytest.mark.model_server

SHIPPED = Path(__file__).parents[2] / "model_store"
KINDS = ("retrieval", "verification", "copy")


def command(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def write_config(folder, output):
    """The shipped models know real radiographs, of which drawn ones are much alike: the thresholds are higher."""
    path = folder / f"{output}.yaml"
    path.write_text(f"""
synthetic: set/synthetic
output: {output}
snapshot: store/first
models: {SHIPPED}
enrol: {{images: set/real.csv, key: private/key, reference_map: private/map.csv}}
policy: {{score_threshold: 0.99999, copy_threshold: 0.95, minimum_frontality: null}}
batch_size: 4
""")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A local run on a handful of drawn radiographs with a leak of each kind planted, and certificates."""
    folder = tmp_path_factory.mktemp("shipped")
    write_dataset(folder / "set", 5, Extent(patients=4, others=6, views=1, copies=1))
    (folder / "store").mkdir()
    ran = command("run", write_config(folder, "local"))
    assert ran.exit_code == 3, ran.output
    certified = command("certs", folder / "certificates", "--roles", ROLES_FILE)
    assert certified.exit_code == 0, certified.output
    return folder


@pytest.fixture(scope="module")
def server(folder):
    """All shipped models, packed and served by the commands."""
    server = ModelServer(SHIPPED, folder / "server", kinds=())
    packed = command("model", "pack", SHIPPED, "--output", server.packed)
    assert packed.exit_code == 0, packed.output
    server.start()
    server.wait()
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="module")
def index(folder):
    with Process("index", INDEX, folder, ["cxrgate.cli", "serve", "index", folder / "store"]).started() as index:
        yield index


def test_run_with_served_models_and_index_releases_the_same_bytes(server, index, folder):
    assert {path.name for path in server.packed.iterdir()} == set(KINDS)
    assert not list((server.folder / "beats").iterdir())
    services = ["--models", server.address, "--index", index.address, "--certificates", folder / "certificates/gate"]
    ran = command("run", write_config(folder, "remote"), *services)

    assert ran.exit_code == 3, ran.output
    released = tree(folder / "local/released")
    assert len(released) == 4  # three images, and the manifest
    assert tree(folder / "remote/released") == released
    local, remote = (pd.read_parquet(folder / name / "results/results.parquet") for name in ("local", "remote"))
    told = ["image_id", "decision", "reasons"]
    assert set(local["decision"]) == {"ANONYMOUS", "NOT_ANONYMOUS", "INDETERMINATE"}
    assert (local[told] == remote[told]).all(axis=None)
    # None was computed here, and verification nowhere: its embedding is the retrieval model's.
    assert {path.name for path in (server.folder / "beats").iterdir()} == {"retrieval", "copy"}
