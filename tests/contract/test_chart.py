"""The Helm chart, rendered by Helm's own library and held against Kubernetes' schemas."""

import json
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from cxrgate.stack.certified import MOUNTED

CHART = Path(__file__).parent.parent.parent / "deploy" / "helm" / "cxrgate"
CALLERS = [{"namespaceSelector": {"matchLabels": {"name": "generators"}}}]
GPU_HOST = {"models": {"gpus": 2}, "gate": {"from": CALLERS, "replicas": 3}, "monitoring": [{"namespaceSelector": {}}]}


RENDER = """
import json, sys
import helm_python as helm
with helm.Chart.load(sys.argv[1]) as chart:
    print(json.dumps(chart.render(json.loads(sys.argv[2]), name="site", namespace="radiology")))
"""
"""In a process of its own: Helm's library brings the Go runtime, which does not bear OpenVINO's threads beside it."""


def render(values):
    """Every object by kind and name."""
    command = [sys.executable, "-c", RENDER, str(CHART), json.dumps(values)]
    texts = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    objects = [item for text in texts.values() for item in yaml.safe_load_all(text) if item]
    return {(item["kind"], item["metadata"]["name"]): item for item in objects}


@pytest.fixture(scope="module")
def plain():
    return render({})


@pytest.fixture(scope="module")
def gpu_host():
    return render(GPU_HOST)


def pods(objects):
    """What is run, by name."""
    kinds = {"Deployment", "StatefulSet"}
    return {name: item["spec"]["template"]["spec"] for (kind, name), item in objects.items() if kind in kinds}


@pytest.mark.parametrize("values", [{}, GPU_HOST, {"gate": {"https": True}}])
def test_objects_fit_the_schemas(values):
    for item in render(values).values():
        kubernetes_validate.validate(item, "1.34", strict=True)


def test_every_pod_is_hardened(plain):
    found = pods(plain)

    assert set(found) == {"site-models", "site-index", "site-gate"}
    for pod in found.values():
        (container,) = pod["containers"]
        assert (pod["securityContext"]["runAsNonRoot"], pod["automountServiceAccountToken"]) == (True, False)
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"requests", "limits"} <= set(container["resources"])


def test_gpus_are_asked_for_where_there_are_some(plain, gpu_host):
    without, with_some = (pods(objects)["site-models"]["containers"][0] for objects in (plain, gpu_host))

    assert ("--gpu" in without["args"], "nvidia.com/gpu" in without["resources"]["limits"]) == (False, False)
    assert ("--gpu" in with_some["args"], with_some["resources"]["limits"]["nvidia.com/gpu"]) == (True, 2)


@pytest.mark.parametrize(("component", "port"), [("models", 7070), ("index", 7443)])
def test_models_and_index_are_reached_by_the_gate_only(plain, component, port):
    policy = plain["NetworkPolicy", f"site-{component}"]["spec"]
    (rule,) = policy["ingress"]
    (peer,) = rule["from"]

    assert peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "gate"
    assert [item["port"] for item in rule["ports"]] == [port]
    assert policy["egress"] == []


def test_nobody_reaches_the_gate_until_somebody_is_named(plain, gpu_host):
    assert plain["NetworkPolicy", "site-gate"]["spec"]["ingress"] == []
    first = gpu_host["NetworkPolicy", "site-gate"]["spec"]["ingress"][0]
    assert (first["from"], first["ports"][0]["port"]) == (CALLERS, 8443)


def test_https_is_there_where_it_is_asked_for_at_the_same_files_and_for_the_same_callers(plain):
    asked = render({"gate": {"https": True, "from": CALLERS}})
    (gate,), (before,) = (pods(objects)["site-gate"]["containers"] for objects in (asked, plain))
    service = asked["Service", "site-gate"]["spec"]["ports"]
    (rule,) = asked["NetworkPolicy", "site-gate"]["spec"]["ingress"]

    assert set(gate["args"]) - set(before["args"]) == {"--https=0.0.0.0:8445"}
    assert {"--certificates=/run/certificates", "--roles=/etc/cxrgate/roles.yaml"} <= set(gate["args"])
    assert {"name": "https", "containerPort": 8445} in gate["ports"]
    assert {"name": "https", "port": 8445, "targetPort": "https"} in service
    assert (rule["from"], [item["port"] for item in rule["ports"]]) == (CALLERS, [8443, 8445])
    assert not any(item["name"] == "https" for item in plain["Service", "site-gate"]["spec"]["ports"])


def test_roles_and_policy_are_those_of_the_compose_file(plain):
    data = plain["ConfigMap", "site-config"]["data"]
    deployed = CHART.parent.parent

    assert yaml.safe_load(data["roles.yaml"]) == yaml.safe_load((deployed / "roles.yaml").read_text())
    assert yaml.safe_load(data["gate.yaml"]) == yaml.safe_load((deployed / "gate.yaml").read_text())


def test_a_key_makes_index_and_gate_ask_for_certificates_and_without_one_neither_does(plain):
    key = "-----BEGIN PUBLIC KEY-----\nMCo=\n-----END PUBLIC KEY-----\n"
    asked = render({"certificationKey": key})
    data, before = (objects["ConfigMap", "site-config"]["data"] for objects in (asked, plain))
    words, words_before = (pods(objects)["site-index"]["containers"][0]["args"] for objects in (asked, plain))
    config = yaml.safe_load((CHART.parent.parent / "gate.certified.yaml").read_text())

    assert (data["certification.pub"].strip(), yaml.safe_load(data["gate.yaml"])) == (key.strip(), config)
    assert set(words) - set(words_before) == {f"--certification-key={MOUNTED}"}
    assert "certification.pub" not in before
    # The gate's words are the same: what is run anew with another configuration is so by its annotation.
    gates = [objects["StatefulSet", "site-gate"]["spec"]["template"] for objects in (asked, plain)]
    assert gates[0]["spec"] == gates[1]["spec"]
    assert gates[0]["metadata"]["annotations"] != gates[1]["metadata"]["annotations"]
