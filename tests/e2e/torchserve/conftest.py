"""The real TorchServe on the CPU with small models, and a run of the same models in this process."""

import asyncio

import pytest
from support.fakes import images
from support.grpc_servers import ROLES_FILE
from support.image_sets import write_sets
from support.served_models import candidates_of
from support.torchserve_process import ModelServer
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.gate.config import ModelFolders, read_config
from cxrgate.gate.local import local_models
from cxrgate.run.run import run


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A local run with its models and snapshot."""
    folder = tmp_path_factory.mktemp("set")
    run(read_config(write_sets(folder)))
    return folder


@pytest.fixture(scope="session")
def folders(folder):
    return ModelFolders.of(folder / "models")


@pytest.fixture(scope="session")
def server(folder):
    server = ModelServer(folder / "models", folder / "server")
    server.start()
    server.wait()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def local(folder, folders):
    """Images, their descriptors, candidates and evidence, from the models in this process."""
    some = images(20, start=500)
    with local_models(folders, "cpu") as models:
        described = asyncio.run(models.embedder.embed(some))
        found = candidates_of(folder, described)
        return some, described, found, asyncio.run(models.verifier.verify(some, found))


@pytest.fixture(scope="session")
def certificates(folder):
    made = CliRunner().invoke(app, ["certs", str(folder / "certificates"), "--roles", str(ROLES_FILE)])
    assert made.exit_code == 0, made.output
    return folder / "certificates"
