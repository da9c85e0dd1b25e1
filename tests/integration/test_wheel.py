"""What `pip install cxrgate` brings: gRPC for the client, nothing else, and every part of the namespace."""

import email
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOTS = ("protos", "services", "orchestrator")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def metadata(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(wheel.read(name))


def required(metadata):
    """Requirements to the extra that asks for them, "" for those that everybody gets."""
    parts = [line.partition(";") for line in metadata.get_all("Requires-Dist")]
    return [(requirement.strip(), marker.partition("extra ==")[2].strip(" '\"")) for requirement, _, marker in parts]


def names(metadata, wanted):
    return {re.match(r"[\w-]+", name).group() for name, extra in required(metadata) if extra == wanted}


def test_the_client_needs_grpc_alone(metadata):
    assert names(metadata, "") == {"googleapis-common-protos", "grpcio", "protobuf"}


def test_everything_else_is_an_extra(metadata):
    assert {"numpy", "openvino", "pydicom", "pillow", "typer"} <= names(metadata, "gate")
    assert names(metadata, "torch") - names(metadata, "gate") == {"torch", "torchvision"}
    assert set(metadata.get_all("Provides-Extra")) >= {"gate", "train"}
    assert metadata["License-Expression"] == "GPL-3.0-only"


def test_every_file_of_the_three_roots_is_there_under_one_namespace(wheel):
    expected = {
        path.relative_to(ROOT / root).as_posix()
        for root in ROOTS
        for path in (ROOT / root / "cxrgate").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    } | {f"cxrgate/shipped/{name}" for name in ("roles.yaml", "leak_policy.yaml")}
    found = {name for name in wheel.namelist() if ".dist-info/" not in name}

    assert found == expected
    assert {"cxrgate/core/types.py", "cxrgate/gate/pipeline.py", "cxrgate/run_page/templates/page.html.j2"} <= found
    assert "cxrgate/__init__.py" not in found


def test_every_package_is_typed(wheel):
    files = set(wheel.namelist())
    packages = {file.split("/")[1] for file in files if file.startswith("cxrgate/") and file.endswith(".py")}

    assert [package for package in packages if f"cxrgate/{package}/py.typed" not in files] == []


def test_no_weights_and_no_images_are_in_it(wheel):
    assert not [name for name in wheel.namelist() if name.endswith((".safetensors", ".pth", ".npy", ".png", ".dcm"))]
    assert sum(entry.file_size for entry in wheel.infolist()) < 4 * 2**20
