"""Where TorchServe listens and what it leaves open."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from cxrgate.core import ModelError, UsageError
from cxrgate.serving.address import private_address
from cxrgate.serving.torchserve import launch
from cxrgate.serving.torchserve.process import make_settings
from cxrgate.serving.torchserve.settings import Settings, properties

SOCKETS = Path("/run/cxr")


@pytest.mark.parametrize("text", ["127.0.0.1:7070", "localhost:7070", "10.1.2.3:7070", "192.168.0.5:7070"])
def test_private_addresses_are_listened_on(text):
    assert str(private_address(text)) == text


@pytest.mark.parametrize("text", ["8.8.8.8:7070", "0.0.0.0:7070", "7070", ":7070", "127.0.0.1:", "127.0.0.1:x", ""])
def test_other_addresses_are_refused(text):
    with pytest.raises(UsageError, match=re.escape(f"{text} is ")):
        private_address(text)


def test_port_is_chosen():
    assert private_address("127.0.0.1:0").port > 0


@pytest.fixture
def found(tmp_path):
    settings = Settings(tmp_path, ["copy", "retrieval"], private_address("127.0.0.1:7070"), tmp_path, workers=2)
    return properties(settings, SOCKETS)


def test_everything_but_predictions_is_on_socket_files_or_loopback(found):
    addresses = {name: value for name, value in found.items() if name.endswith("address")}

    assert addresses.pop("grpc_inference_address") == "127.0.0.1"
    assert addresses.pop("grpc_management_address") == "127.0.0.1"
    assert len(addresses) == 3
    assert all(value.startswith(f"unix:{SOCKETS}/") for value in addresses.values())


def test_nothing_can_be_loaded_from_outside(found):
    assert (found["enable_model_api"], found["install_py_dep_per_model"]) == ("false", "false")
    assert found["allowed_urls"] == "file:///nonexistent/none"


def test_models_and_workers_are_named(found):
    assert found["load_models"] == "copy=copy,retrieval=retrieval"
    assert (found["default_workers_per_model"], found["number_of_gpu"]) == (2, 0)


def test_gpus_are_torchserves_to_share_out(tmp_path):
    settings = Settings(tmp_path, ["copy"], private_address("127.0.0.1:7070"), tmp_path, workers=4, gpu=True)
    found = properties(settings, SOCKETS)

    assert "number_of_gpu" not in found
    assert found["default_workers_per_model"] == 4


def test_a_store_of_models_that_were_not_packed_is_refused(tmp_path):
    (tmp_path / "retrieval").mkdir()
    (tmp_path / "retrieval" / "model.json").write_text("{}")

    with pytest.raises(ModelError, match="cxrgate model pack"):
        make_settings(tmp_path, tmp_path / "run", "127.0.0.1:0", workers=1, gpu=False, metrics=None)


def test_launched_program_ends_with_its_parent():
    script = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, {launch.__file__!r}, str(os.getpid()), '/bin/sleep', '60'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        end = time.monotonic() + 30
        while child.name() != "sleep" and time.monotonic() < end:
            time.sleep(0.05)
        assert child.name() == "sleep"
        parent.send_signal(signal.SIGKILL)
        parent.wait()

    gone, _ = psutil.wait_procs([child], 10)
    assert gone == [child]


def test_program_of_a_parent_that_is_gone_is_not_launched(tmp_path):
    command = [sys.executable, launch.__file__, str(os.getppid()), "/usr/bin/touch", str(tmp_path / "launched")]

    assert subprocess.run(command, check=False).returncode == 1
    assert not list(tmp_path.iterdir())
