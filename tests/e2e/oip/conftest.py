"""The real Triton over the repository that `cxrgate model export` wrote of small models."""

import pytest
from support.fakes import save_small_models
from support.grpc_servers import ROLES_FILE
from support.triton_process import Triton, is_installed
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.gate.config import ModelFolders


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_small_models(folder)
    return folder


@pytest.fixture(scope="session")
def folders(models):
    return ModelFolders.of(models)


@pytest.fixture(scope="session")
def repository(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("repository")
    made = CliRunner().invoke(app, ["model", "export", str(models), "--output", str(folder)])
    assert made.exit_code == 0, made.output
    return folder


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates") / "certificates"
    made = CliRunner().invoke(app, ["certs", str(folder), "--roles", str(ROLES_FILE)])
    assert made.exit_code == 0, made.output
    return folder


@pytest.fixture(scope="session")
def server(repository, tmp_path_factory):
    assert is_installed()
    server = Triton(repository, tmp_path_factory.mktemp("triton"))
    try:
        server.start()
        yield server
    finally:
        server.stop()
