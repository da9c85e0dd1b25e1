"""The stack in real containers: started by one command, asked through its published port, killed, cut off, stopped."""

import base64
import json
import os
import shutil

import grpc
import pandas as pd
import pytest
from support.container_stack import COLLECTOR, Stack, images_below, local_config
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.client import Decision, Gate, GateError
from cxrgate.demo.dataset import Extent, write_dataset
from cxrgate.index import Snapshot, read_key
from cxrgate.rpc.development_ca import Authority
from cxrgate.run.run import run

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1200)]

PATIENT = "DOE^JANE^CANARY"
"""The enrolled files and their patients are named so."""
SERVICES = ("models", "index", "gate")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A drawn data set whose real files carry a name that must be found nowhere, and its local run."""
    folder = tmp_path_factory.mktemp("stack")
    folder.chmod(0o755)
    data = folder / "data"
    write_dataset(data, 7, Extent(patients=12, others=16, views=4, copies=1))
    listing = pd.read_csv(data / "real.csv")
    (data / "real").rename(data / PATIENT)
    listing["image"] = listing["image"].str.replace("real/", f"{PATIENT}/")
    listing["patient_id"] = PATIENT + listing["patient_id"]
    listing.to_csv(data / "real.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def stack(folder):
    os.environ["CXRGATE_LOG_LEVEL"] = "DEBUG"
    stack = Stack(folder)
    stack.state.mkdir()
    (stack.state / "stack.env").write_text(f"OTEL_EXPORTER_OTLP_ENDPOINT=http://{COLLECTOR}:4318\n")
    try:
        started = stack.up("--images", folder / "data" / "real.csv")
        assert started.exit_code == 0, started.output
        stack.collect_traces()
        yield stack
    finally:
        stack.remove()


@pytest.fixture(scope="module")
def local(folder, stack):
    """Decision by image id, of `cxrgate run` in this process over what the stack enrolled, and the policy's digest."""
    results = run(local_config(folder)).results
    digest = json.loads((folder / "out/results/run.json").read_text())["policy_digest"]
    return {row.image_id.replace("/", "-"): row.decision for row in results.itertuples()}, digest


@pytest.fixture(scope="module")
def images(folder):
    return images_below(folder / "data" / "synthetic")


def decisions(verdicts):
    return {item.image_id: str(item.decision) for item in verdicts}


def test_without_references_it_says_what_is_missing(tmp_path):
    empty = Stack(tmp_path)
    try:
        started = empty.up()
    finally:
        empty.remove()

    assert started.exit_code == 2
    assert "--images" in started.output


def test_verdicts_and_policy_are_those_of_the_local_run(stack, images, local):
    found = stack.check(images)

    assert decisions(found) == local[0]
    assert {item.policy_digest for item in found if item.error is None} == {local[1]}
    assert {Decision.ANONYMOUS, Decision.NOT_ANONYMOUS, Decision.INDETERMINATE} == {item.decision for item in found}


def test_strangers_are_refused(stack, images):
    stranger = Authority.create().issue("spiffe://cxrgate/generator")
    with Gate(stack.address, stranger) as gate, pytest.raises(GateError):
        gate.check(images[0].content)
    with grpc.insecure_channel(stack.address) as channel, pytest.raises(grpc.FutureTimeoutError):
        grpc.channel_ready_future(channel).result(3)


@pytest.mark.parametrize("service", SERVICES)
def test_container_has_no_rights(stack, service):
    attributes = stack.container(service).attrs
    host = attributes["HostConfig"]

    assert attributes["Config"]["User"].partition(":")[0] not in {"", "0", "root"}
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0
    assert host["LogConfig"]["Config"]["max-size"]
    stack.run(service, "open('/usr/local/planted', 'w')", expected=1)


def test_only_the_gate_is_published_and_only_on_loopback(stack):
    published = {service: stack.container(service).attrs["HostConfig"]["PortBindings"] for service in SERVICES}

    assert not published["models"]
    assert not published["index"]
    assert [binding["HostIp"] for bindings in published["gate"].values() for binding in bindings] == ["127.0.0.1"]
    assert all(stack.network(name).attrs["Internal"] for name in ("serving", "search", "watch"))


REACH = "import socket; socket.create_connection(('{host}', {port}), 3)"


def test_models_and_index_are_reached_by_the_gate_only(stack):
    models = REACH.format(host=stack.address_on("serving", "models"), port=7070)
    index = REACH.format(host=stack.address_on("search", "index"), port=7443)

    stack.run("gate", models)
    stack.run("gate", index)
    stack.run("index", models, expected=1)
    stack.run("models", index, expected=1)


@pytest.mark.parametrize("port", [7071, 8080, 8081])
def test_management_of_the_models_is_reached_by_nobody(stack, port):
    stack.run("gate", REACH.format(host="models.serving", port=port), expected=1)


@pytest.mark.parametrize("service", SERVICES)
def test_killed_service_comes_back_and_gives_no_wrong_verdict(stack, images, local, service):
    stack.container(service).kill()
    stack.container(service).start()
    # Asked while it comes back: what is answered is right, the rest has an error and is no release.
    during = [] if service == "gate" else stack.check(images)
    stack.wait_until(healthy=True)

    assert not any(item.released for item in during if item.error is not None)
    judged = decisions(item for item in during if item.error is None)
    assert judged == {name: local[0][name] for name in judged}
    assert decisions(stack.check(images)) == local[0]


def test_index_that_is_cut_off_makes_no_image_anonymous(stack, images, local):
    network, index = stack.network("search"), stack.container("index")
    network.disconnect(index)
    try:
        during = stack.check(images[:4])
        stack.wait_until(healthy=False)
    finally:
        network.connect(index, aliases=["index", "index.search"])

    assert {item.decision for item in during} == {Decision.INDETERMINATE}
    assert all(item.error is not None for item in during)
    stack.wait_until(healthy=True)
    assert decisions(stack.check(images)) == local[0]


def test_log_holds(stack):
    verified = CliRunner().invoke(app, ["log", "verify", str(stack.state / "log" / "gate.log")])

    assert verified.exit_code == 0, verified.output


SPANS = (b"cxrgate-gate", b"GateService/CheckImages", b"gate.verify", b"cxrgate-index", b"IndexService/FindNeighbors")
"""Of both services, of a call and of a stage."""


def test_nothing_that_was_written_names_a_patient_a_path_or_an_embedding(stack, folder):
    storage = stack.state / "storage.key"
    row = Snapshot.open(stack.state / "store" / "first", read_key(storage)).identity[0].tobytes()
    secrets = {
        "embedding": row[:32],
        "embedding as text": base64.b64encode(row[:30]),
        "patient": PATIENT.encode(),
        "path": str(folder).encode(),
        "key": (stack.state / "private" / "key").read_bytes().strip(),
        "storage key": storage.read_bytes().strip(),
        "certificate's key": (stack.state / "certificates" / "gate" / "tls.key").read_bytes().splitlines()[1],
    }
    written = {**stack.written(), "traces": stack.traces(*SPANS)}
    found = [(name, where) for name, secret in secrets.items() for where, text in written.items() if secret in text]

    assert found == []
    assert all(written[service] for service in SERVICES)
    assert any(b'"DEBUG"' in text for text in written.values())


def test_second_start_changes_nothing_and_down_leaves_the_state(stack):
    shutil.copytree(stack.state / "store" / "first", stack.state / "store" / "copied in and not activated")
    before = {path: path.read_bytes() for path in stack.state.rglob("*") if path.is_file()}
    again = stack.up()
    stack.end_traces()
    stopped = stack.command("down", "--deploy", "deploy")

    assert (again.exit_code, stopped.exit_code) == (0, 0), again.output + stopped.output
    assert stack.containers() == []
    kept = {path: path.read_bytes() for path in before if path.parent.name != "log"}
    assert kept == {path: content for path, content in before.items() if path.parent.name != "log"}
