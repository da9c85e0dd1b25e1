import json
import shutil
import socket
from datetime import timedelta

import pytest
from support.container_stack import MODELS

from cxrgate.core import UsageError
from cxrgate.rpc.development_ca import Authority, write_identity
from cxrgate.stack import host
from cxrgate.stack.checks import check_gpu
from cxrgate.stack.engine import Engine, EngineFacts
from cxrgate.stack.findings import HostFinding, Level
from cxrgate.stack.host import check_certificates, check_clock, check_disk, check_memory, check_port
from cxrgate.stack.model_folders import check_models

GIB = 2**30
US = 10001


@pytest.fixture
def models(tmp_path):
    shutil.copytree(MODELS, tmp_path / "models")
    for path in [tmp_path, *(tmp_path / "models").rglob("*"), tmp_path / "models"]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return tmp_path / "models"


def test_taken_port_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = check_port(f"127.0.0.1:{taken.getsockname()[1]}")

    assert (found.level, "in use" in found.text) == (Level.FAIL, True)
    assert check_port("127.0.0.1:0").level is Level.OK


@pytest.mark.parametrize("listen", ["nowhere", "127.0.0.1:70000", "192.0.2.1:80"])
def test_address_that_is_none_fails(listen):
    assert check_port(listen).level is Level.FAIL


def test_short_disk_fails(tmp_path):
    assert check_disk(tmp_path, shutil.disk_usage(tmp_path).total * 2).level is Level.FAIL
    assert check_disk(tmp_path, 1).level is Level.OK


@pytest.mark.parametrize(
    ("gib", "processors", "level"),
    [(4, 4, Level.FAIL), (16, 1, Level.FAIL), (8, 2, Level.WARN), (16, 2, Level.OK)],
)
def test_memory_and_processors(gib, processors, level):
    assert check_memory(gib * GIB, processors).level is level


@pytest.mark.parametrize(
    ("gpus", "asked", "level"),
    [(False, True, Level.FAIL), (False, False, Level.WARN), (True, True, Level.OK), (True, False, Level.OK)],
)
def test_gpus_are_needed_only_where_they_are_asked_for(gpus, asked, level):
    assert check_gpu(EngineFacts("28", 2, 8 * GIB, "/var/lib/docker", gpus), asked=asked).level is level


@pytest.mark.parametrize(("days", "level"), [(-1, Level.FAIL), (10, Level.WARN), (60, Level.OK)])
def test_certificates_that_end(tmp_path, days, level):
    authority = Authority.create()
    write_identity(tmp_path / "index", authority.issue("spiffe://cxrgate/index"))
    write_identity(tmp_path / "gate", authority.issue("spiffe://cxrgate/gate", valid=timedelta(days=days, hours=1)))

    found = check_certificates(tmp_path)
    assert (found.level, f"{days} days left" in found.text) == (level, True)


def test_clock_before_the_installation_fails(monkeypatch):
    class Early(host.datetime):
        @classmethod
        def now(cls, zone=None):
            return super().now(zone) - timedelta(days=36500)

    assert check_clock().level is not Level.FAIL
    monkeypatch.setattr(host, "datetime", Early)
    assert check_clock().level is Level.FAIL


def test_models_as_they_are_shipped(models):
    found = check_models(models, US)

    assert found.level is Level.OK
    assert json.loads((models / "retrieval" / "model.json").read_text())["digest"][:12] in found.text


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_changed_model_fails_and_is_named(models, name):
    path = models / "verification" / name
    path.write_bytes(path.read_bytes().replace(b"bilinear", b"bicubic") + b" ")
    found = check_models(models, US)

    assert (found.level, "verification" in found.text) == (Level.FAIL, True)


def test_missing_model_fails(models):
    (models / "retrieval" / "weights.safetensors").unlink()

    assert check_models(models, US).level is Level.FAIL


def test_model_that_the_containers_cannot_read_fails(models):
    (models / "retrieval").chmod(0o700)

    assert (check_models(models, US).level, check_models(models, US).remedy[:5]) == (Level.FAIL, "chmod")
    assert check_models(models, (models / "retrieval").stat().st_uid).level is Level.OK


def test_engine_that_does_not_answer_is_wrong_usage(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(UsageError, match="Docker engine"):
        Engine()


def test_what_is_not_ok_has_a_remedy():
    with pytest.raises(ValueError, match="remedy"):
        HostFinding("disk", Level.FAIL, "full")
