"""Both wheels in an environment of their own, away from the checkout: what a user has who installed cxrgate by pip."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
import yaml

from cxrgate.demo.dataset import SEED, Extent, write_dataset

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """A folder of both wheels, as `make dist` makes it."""
    folder = tmp_path_factory.mktemp("index")
    for project in (ROOT, ROOT / "model_store"):
        command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
        subprocess.run(command, cwd=project, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def installed(index, tmp_path_factory):
    """The environment: its own cxrgate and models, and this interpreter's packages for what they depend on."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*command, "--find-links", str(index), "cxrgate", "cxrgate-models"], check=True, cwd=folder)
    (site,) = (folder / "lib").glob("*/site-packages")
    packages = [place for place in sys.path if place.endswith("site-packages")]
    (site / "packages.pth").write_text("\n".join([*packages, sysconfig.get_path("purelib")]))
    return folder


def call(installed, place, *words):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CXRGATE"))}
    command = [str(installed / "bin" / "cxrgate"), *map(str, words)]
    return subprocess.run(command, cwd=place, env=clean, capture_output=True, text=True, check=False)


def test_the_installed_code_is_the_wheels(installed, tmp_path):
    code = "import cxrgate.gate.config as c, cxrgate.core.shipped as s; print(c.__file__, s.shipped_models())"
    command = [installed / "bin" / "python", "-c", code]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert [Path(place).is_relative_to(installed) for place in found.stdout.split()] == [True, True]


def test_the_wheel_of_the_models_names_what_is_in_it(index):
    (path,) = index.glob("cxrgate_models-*.whl")
    with zipfile.ZipFile(path) as wheel:
        content = json.loads(wheel.read("cxrgate_models/digests.json"))
        names = {name.removeprefix("cxrgate_models/") for name in wheel.namelist() if ".dist-info/" not in name}
        manifest = json.loads(wheel.read("cxrgate_models/copy/model.json"))

    assert names - {"__init__.py", "digests.json"} == set(content["files"])
    assert content["files"]["copy/weights.safetensors"] == manifest["weights"]
    assert path.name.split("-")[1] == content["version"]


def test_the_main_job_runs_with_no_word_on_models_key_or_map(installed, tmp_path):
    write_dataset(tmp_path / "data", SEED, Extent(patients=6, others=3, views=1, copies=1, side=128))
    settings = {"synthetic": "data/synthetic", "output": "out", "snapshot": "snapshot"}
    settings["enrol"] = {"images": "data/real.csv"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings))
    done = call(installed, tmp_path, "run")

    assert done.returncode in {1, 3}, done.stderr
    manifest = json.loads((tmp_path / "out/released/manifest.json").read_text())
    run = json.loads((tmp_path / "out/results/run.json").read_text())
    assert manifest["decisions"]["NOT_ANONYMOUS"] >= 3
    assert run["models"]["copy"]["name"] == "copy"
    assert (tmp_path / "private/key").is_file()


def test_certificates_are_made_of_the_shipped_roles_which_lie_beside_them(installed, tmp_path):
    done = call(installed, tmp_path, "certs", "certificates")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "certificates/roles.yaml").read_bytes() == (ROOT / "deploy/roles.yaml").read_bytes()
    assert (tmp_path / "certificates/gate/tls.crt").is_file()
