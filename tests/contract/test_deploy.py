"""What is deployed, read without a Docker engine: hardening of the compose file, pins, the dashboard's queries."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from cxrgate.gate.binding import BINDING_KEYS
from cxrgate.stack.certified import MOUNTED
from cxrgate.stack.state import HOSTS
from cxrgate.stack.variables import INPUTS, PROFILE_SERVICES, SENDERS

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
WORDS = {
    name: command.split() if isinstance(command := service.get("command", []), str) else command
    for name, service in SERVICES.items()
}
SCRAPED = yaml.safe_load((DEPLOY / "observability/prometheus.yaml").read_text())["scrape_configs"]
RECEIVER = yaml.safe_load((DEPLOY / "observability/receiver.yaml").read_text())
PROJECT = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_hardened(name):
    service = SERVICES[name]

    assert service["user"] == "${CXRGATE_USER:-10001:10001}"
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["ulimits"]["core"] == 0
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert {"mem_limit", "cpus", "pids_limit"} <= set(service)
    assert "privileged" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_takes_a_proxy_from_docker(name):
    environment = SERVICES[name]["environment"]

    for word in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "grpc_proxy"):
        assert environment[word] == ""


def test_every_service_that_stays_is_started_anew_where_a_file_that_it_reads_is_another():
    staying = {name: service["labels"] for name, service in SERVICES.items() if "restart" in service}

    assert staying.keys() == SERVICES.keys() - {"enrol", "activate"}
    assert {labels["cxrgate.inputs"] for labels in staying.values()} == {f"${{{INPUTS}:-}}"}


def test_what_is_published_is_so_on_loopback():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert set(published) == {"gate", "receiver", "review", "grafana"}
    assert all(":-127.0.0.1:" in port for ports in published.values() for port in ports)


def test_models_and_index_share_their_networks_with_those_alone_that_check_images():
    def on(network):
        return {name for name, service in SERVICES.items() if network in service.get("networks", ())}

    assert on("serving") == {"models", "gate", "receiver"}
    assert on("search") == {"index", "gate", "receiver", "activate"}  # the last one once, as the curator
    assert [on(network) for network in ("front", "ward", "reading")] == [{"gate"}, {"receiver"}, {"review"}]
    assert SERVICES["review"]["networks"].keys() == {"reading"}
    internal = {name for name, network in COMPOSE["networks"].items() if network.get("internal")}
    assert internal == {"serving", "search", "watch", "query"}
    assert SERVICES["enrol"]["network_mode"] == "none"


def test_real_images_and_private_keys_are_mounted_for_enrolment_alone():
    mounted = {
        name: [volume for volume in service.get("volumes", ()) if "private" in volume or "IMAGES" in volume]
        for name, service in SERVICES.items()
    }

    assert {name for name, volumes in mounted.items() if volumes} == {"enrol"}


def test_what_is_not_asked_for_does_not_start():
    asked = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}

    assert SERVICES.keys() - asked.keys() == {"models", "index", "gate"}
    for profile, names in PROFILE_SERVICES.items():
        assert {name for name in asked if asked[name] == [profile]} == set(names)
        assert all("healthcheck" in SERVICES[name] for name in names)


def test_the_receiver_checks_as_the_gate_does_and_keeps_its_own_files():
    gate, receiver = SERVICES["gate"], SERVICES["receiver"]

    assert receiver["configs"] == gate["configs"]
    assert receiver["depends_on"] == gate["depends_on"]
    assert {volume.rpartition("}")[2] for volume in receiver["volumes"]} & {"/log:/log", "/store:/store"} == set()
    assert {"--tls", "--certificates", "--roles"} <= set(receiver["command"])


class Overlay(yaml.SafeLoader):
    """Compose's word for a key that is taken away again."""


Overlay.add_constructor("!reset", lambda loader, node: loader.construct_scalar(node) and None)


def test_triton_is_asked_in_torchserves_place_and_nothing_else_changes():
    overlay = yaml.load((DEPLOY / "compose.triton.yaml").read_text(), Overlay)["services"]

    asking = {name for name, words in WORDS.items() if "--models" in words and SERVICES[name].get("restart")}
    assert overlay.keys() == {"models"} | asking
    for name in asking:
        there = ["oip://models.serving:8001" if word == "models.serving:7070" else word for word in WORDS[name]]
        assert overlay[name] == {"command": there}
    assert "--grpc-port=8001" in overlay["models"]["command"]
    assert overlay["models"]["build"] is None
    (volume,) = overlay["models"]["volumes"]
    assert volume.endswith("/models:ro")


def test_index_and_gate_are_served_and_asked_by_the_command_line():
    asked = {name: SERVICES[name]["healthcheck"]["test"][:3] for name in ("index", "gate")}

    assert {name: WORDS[name][:2] for name in asked} == {"index": ["serve", "index"], "gate": ["serve", "gate"]}
    assert list(asked.values()) == [["CMD", "cxrgate", "health"]] * 2


def test_one_variable_makes_index_and_gate_ask_for_certificates():
    config = yaml.safe_load((DEPLOY / "gate.certified.yaml").read_text())
    targets = {
        name: [item["target"] for item in SERVICES[name]["configs"] if item["source"] == "certification"]
        for name in ("index", "gate")
    }

    assert targets == {"index": [MOUNTED], "gate": [MOUNTED]}
    assert f"${{CXRGATE_CERTIFICATION_KEY:+--certification-key {MOUNTED}}}" in SERVICES["index"]["command"]
    assert "CXRGATE_CERTIFICATION_KEY:+.certified" in COMPOSE["configs"]["gate"]["file"]
    asked = {SERVICES[name]["environment"]["CXRGATE_CERTIFICATION_KEY"] for name in ("gate", "receiver")}
    assert asked == {f"${{CXRGATE_CERTIFICATION_KEY:+{MOUNTED}}}"}
    assert (config["certification"], config["certification_key"]) == ("required", MOUNTED)
    assert not set(BINDING_KEYS) & set(config.get("policy", {}))


def test_certificates_name_the_hosts_that_are_called():
    called = {word.partition(":")[0] for words in WORDS.values() for word in words}

    assert {"gate.front", "index.search"} <= called & set(HOSTS)


@pytest.mark.parametrize(
    ("extra", "name"), [("index", "index"), ("gate", "gate"), ("dicom", "dicom"), ("serve", "models")]
)
def test_every_requirement_is_pinned_with_hashes_to_a_version_that_fits(extra, name):
    text = (DEPLOY / "requirements" / f"{name}.txt").read_text()
    pins = dict(re.findall(r"^([a-z0-9-]+)==(\S+) \\\n    --hash=sha256:", text, re.MULTILINE))

    assert len(pins) == len(re.findall(r"^[a-z]", text, re.MULTILINE))
    for requirement in wanted(extra):
        assert requirement.specifier.contains(pins[requirement.name]), requirement


def wanted(extra):
    """The project's requirements with an extra, and with those that the extra names."""
    for requirement in map(Requirement, [*PROJECT["dependencies"], *PROJECT["optional-dependencies"][extra]]):
        if requirement.name == "cxrgate":
            for other in requirement.extras:
                yield from wanted(other)
        elif requirement.name != "cxrgate-models":  # the images have the models in a layer of their own
            yield requirement


@pytest.mark.parametrize(
    ("larger", "smaller"), [("gate", "index"), ("models", "gate"), ("models", "torch"), ("dicom", "gate")]
)
def test_images_that_share_layers_pin_the_same_versions(larger, smaller):
    def pins(name):
        return dict(re.findall(r"^(\S+)==(\S+) ", (DEPLOY / "requirements" / f"{name}.txt").read_text(), re.MULTILINE))

    assert pins(smaller).items() <= pins(larger).items()


def test_what_is_scraped_is_where_each_service_tells_its_metrics():
    jobs = {job["job_name"]: job for job in SCRAPED}
    told = {name: words[words.index("--metrics") + 1] for name, words in WORDS.items() if "--metrics" in words}
    fixed = {name: job["static_configs"][0]["targets"] for name, job in jobs.items() if "static_configs" in job}

    assert {**fixed, "receiver": RECEIVER[0]["targets"]} == {name: [address] for name, address in told.items()}
    assert jobs.keys() == told.keys()
    for name, address in told.items():
        assert SERVICES[name]["networks"]["watch"]["aliases"] == [address.partition(":")[0]]


def test_a_receiver_is_scraped_where_one_is_asked_for_alone():
    """Or ServiceLost would ring wherever there is none."""
    (job,) = [job for job in SCRAPED if job["job_name"] == "receiver"]
    (target,) = [item["target"] for item in SERVICES["prometheus"]["configs"] if item["source"] == "receiver"]
    asked = f"${{{SENDERS}:+asked.}}"

    assert asked in target
    assert job["file_sd_configs"] == [{"files": [target.replace(asked, "asked.")]}]
    assert SENDERS in SERVICES["receiver"]["environment"]


def test_dashboard_and_rules_ask_for_metrics_that_there_are():
    dashboard = json.loads((DEPLOY / "observability/dashboards/cxrgate.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    rules = yaml.safe_load((DEPLOY / "observability/rules.yaml").read_text())["groups"][0]["rules"]
    names = {
        name for query in [*asked, *[rule["expr"] for rule in rules]] for name in re.findall(r"cxrgate_\w+", query)
    }
    told = [DEPLOY.parent / "services/cxrgate/rpc/metrics.py"]
    told += [DEPLOY.parent / "orchestrator/cxrgate" / file for file in ("gateway/process.py", "dicom/counts.py")]
    source = "".join(path.read_text() for path in told)

    assert names
    assert all(re.sub("_(total|bucket)$", "", name) in source for name in names)
