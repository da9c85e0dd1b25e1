"""What Compose makes of the files."""

import json
import subprocess

import pytest
from support.container_stack import DEPLOY

from cxrgate.stack.compose import Compose

pytestmark = pytest.mark.docker


def config(*files, profile="observability"):
    """The services as Compose renders them."""
    named = [part for name in files for part in ("--file", str(DEPLOY / name))]
    command = ["docker", "compose", *named, "--profile", profile, "config", "--format", "json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["services"]


def test_gpu_overlay_reserves_gpus_and_lifts_the_lock_limit_for_the_models_alone():
    plain, overlaid = config("compose.yaml"), config("compose.yaml", "compose.gpu.yaml")
    (device,) = overlaid["models"]["deploy"]["resources"]["reservations"]["devices"]

    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert overlaid["models"]["ulimits"]["memlock"] == -1
    assert "--gpu" in overlaid["models"]["command"]
    assert {name: overlaid[name] for name in plain if name != "models"} == {
        name: plain[name] for name in plain if name != "models"
    }
    assert overlaid["models"]["read_only"]


@pytest.mark.parametrize("more", [(), ("compose.gpu.yaml",), ("compose.triton.yaml",)])
def test_https_overlay_gives_the_gate_a_second_port_and_changes_nothing_else(more, monkeypatch):
    monkeypatch.setenv("CXRGATE_REPOSITORY", ".")
    plain, overlaid = config("compose.yaml", *more), config("compose.yaml", *more, "compose.https.yaml")
    gate, before = overlaid["gate"], plain["gate"]
    changed = {name for name in gate if gate[name] != before.get(name)}

    assert changed == {"environment", "ports"}
    assert gate["environment"] == {**before["environment"], "CXRGATE_HTTPS": "gate.front:8445"}
    (port,) = [item for item in gate["ports"] if item not in before["ports"]]
    assert (port["host_ip"], port["published"], port["target"]) == ("127.0.0.1", "8445", 8445)
    assert {name: overlaid[name] for name in plain if name != "gate"} == {
        name: plain[name] for name in plain if name != "gate"
    }


def test_content_of_what_services_read_counts_and_not_only_its_path(tmp_path):
    read, variables = tmp_path / "gate.yaml", tmp_path / "stack.env"
    variables.write_text(f"CXRGATE_CONFIG='{read}'\n")
    found = []
    for content in ("workers: 2", "workers: 3", "workers: 2"):
        read.write_text(content)
        found.append(Compose(DEPLOY, variables).inputs())

    assert found[0] == found[2] != found[1]


def test_grafana_and_prometheus_start_only_where_they_are_asked_for():
    assert {"prometheus", "grafana"} <= set(config("compose.yaml"))
    assert set(config("compose.yaml", profile="")) == {"models", "index", "gate"}


@pytest.mark.parametrize(("senders", "name"), [("", "receiver.yaml"), ("GENERATOR", "asked.receiver.yaml")])
def test_prometheus_finds_a_receiver_where_somebody_may_send_alone(monkeypatch, senders, name):
    monkeypatch.setenv("CXRGATE_DICOM_SENDERS", senders)
    (mounted,) = [item for item in config("compose.yaml")["prometheus"]["configs"] if item["source"] == "receiver"]

    assert mounted["target"] == f"/etc/prometheus/{name}"
