"""The index and the gate as processes on loopback, with real models, mTLS, and kill -9."""

import json
import re
import shutil
import threading
import time
from urllib.request import urlopen

import pandas as pd
import pytest
from cryptography.x509 import load_pem_x509_certificate
from support.grpc_servers import ROLES_FILE
from support.image_sets import write_sets
from support.service_process import GATE, INDEX, Process
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.client import Gate, Image
from cxrgate.gate.config import read_config
from cxrgate.rpc.channel import Identity
from cxrgate.run.run import run
from cxrgate.serving.address import free_port

BACK_SECONDS = 10
DEAD_SECONDS, FROZEN_SECONDS = 2, 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A local run's results, a store with its snapshot, and certificates."""
    folder = tmp_path_factory.mktemp("services")
    config = write_sets(folder)
    run(read_config(config))
    shutil.copytree(folder / "snapshot", folder / "store" / "first")
    made = CliRunner().invoke(app, ["certs", str(folder / "certificates"), "--roles", str(ROLES_FILE)])
    assert made.exit_code == 0, made.output
    return folder


@pytest.fixture(scope="module")
def index(folder):
    process = Process("index", INDEX, folder, ["cxrgate.cli", "serve", "index", folder / "store"])
    process.start()
    yield process
    process.kill()


@pytest.fixture(scope="module")
def metrics():
    return f"127.0.0.1:{free_port('127.0.0.1')}"


@pytest.fixture(scope="module")
def gate(folder, index, metrics):
    command = ["cxrgate.cli", "serve", "gate", folder / "out.yaml", "--log", folder / "gate.log"]
    with Process("gate", GATE, folder, [*command, "--index", index.address, "--metrics", metrics]).started() as process:
        yield process


@pytest.fixture(scope="module")
def images(folder):
    paths = sorted(path for path in (folder / "synthetic").rglob("*") if path.is_file())
    return [Image(path.read_bytes(), "-".join(path.relative_to(folder / "synthetic").parts)) for path in paths]


@pytest.fixture(scope="module")
def expected(folder):
    results = pd.read_parquet(folder / "out/results/results.parquet")
    return {row.image_id.replace("/", "-"): row.decision for row in results.itertuples()}


def ask(folder, gate, images):
    with Gate(gate.address, Identity.read(folder / "certificates" / "generator")) as client:
        return list(client.check_many(images))


def test_verdicts_and_policy_are_those_of_the_local_run(folder, gate, images, expected):
    found = ask(folder, gate, images)

    assert {item.image_id: str(item.decision) for item in found} == expected
    policy = json.loads((folder / "out/results/run.json").read_text())["policy_digest"]
    assert {item.policy_digest for item in found if item.error is None} == {policy}


@pytest.mark.parametrize("victim", ["index", "gate"])
def test_killed_service_loses_no_item_and_gives_no_wrong_verdict(request, folder, gate, images, expected, victim):
    process = request.getfixturevalue(victim)
    killed, back = [], []

    def restart():
        """As a supervisor does; measured from the kill, beside the load."""
        begun = time.monotonic()
        process.kill()
        process.start()
        process.wait()
        back.append(time.monotonic() - begun)

    def source():
        for number, item in enumerate(images * 3):
            if number == 40:
                killed.append(threading.Thread(target=restart))
                killed[0].start()
            time.sleep(0.02)
            yield item

    found = ask(folder, gate, source())
    killed[0].join()

    assert back[0] <= BACK_SECONDS
    assert [item.image_id for item in found] == [item.image_id for item in images * 3]
    judged = [item for item in found if item.error is None or item.error.code == "INVALID_ARGUMENT"]
    assert all(str(item.decision) == expected[item.image_id] for item in judged)
    # What was in the index's hands while it was away longer than a search may take has an error, and is no release.
    assert not any(item.released for item in found if item.error is not None)
    assert len(judged) >= len(found) // 2


def test_log_of_a_killed_gate_holds(folder, gate):
    checked = CliRunner().invoke(app, ["log", "verify", str(folder / "gate.log")])

    assert checked.exit_code == 0, checked.output
    changed = folder / "changed.log"
    changed.write_bytes((folder / "gate.log").read_bytes().replace(b"NOT_ANONYMOUS", b"ANONYMOUS", 1))
    assert CliRunner().invoke(app, ["log", "verify", str(changed)]).exit_code == 2


def test_logs_hold_no_name_of_a_file_and_no_patient(folder, gate):
    ask(folder, gate, [Image(b"\x89PNG DOE^JANE", "a")])
    written = gate.log.read_text() + (folder / "gate.log").read_text() + (folder / "index.err").read_text()

    assert "patient " not in written
    assert not re.search(r"\bDOE\b|\bJANE\b", written)  # as words: a receipt may hold the letters
    assert "real/" not in written


def test_when_its_own_certificate_ends_is_told_and_of_no_other_where_none_is_required(folder, gate, metrics):
    ends = load_pem_x509_certificate((folder / "certificates/gate/tls.crt").read_bytes()).not_valid_after_utc
    with urlopen(f"http://{metrics}/metrics", timeout=5) as answer:
        told = re.findall(r"\ncxrgate_certificate_expires_timestamp_seconds(\S+) (\S+)", answer.read().decode())

    assert [(kind, float(value)) for kind, value in told] == [('{kind="tls"}', ends.timestamp())]


def reached(metrics):
    with urlopen(f"http://{metrics}/metrics", timeout=5) as answer:
        return float(re.search(r"\ncxrgate_index_reached (\S+)", answer.read().decode())[1])


def becomes(metrics, value):
    until = time.monotonic() + 30
    while reached(metrics) != value and time.monotonic() < until:
        time.sleep(0.1)
    return reached(metrics) == value


def test_whether_the_index_is_reached_is_told(gate, index, metrics):
    assert becomes(metrics, 1)
    index.kill()
    assert becomes(metrics, 0)
    index.start()
    index.wait()
    assert becomes(metrics, 1)


def test_readiness_tells_of_a_dead_index_and_of_one_that_is_back_within_2_s(gate, index):
    gate.changes(ready=True, seconds=30)
    index.kill()
    dead = gate.changes(ready=False, seconds=30)
    index.start()
    index.wait()
    back = gate.changes(ready=True, seconds=30)

    assert (dead < DEAD_SECONDS, back < DEAD_SECONDS) == (True, True), (dead, back)


def test_readiness_tells_of_a_frozen_index_within_5_s(gate, index):
    gate.changes(ready=True, seconds=30)
    with index.frozen():
        frozen = gate.changes(ready=False, seconds=30)
    back = gate.changes(ready=True, seconds=30)

    assert (frozen < FROZEN_SECONDS, back < DEAD_SECONDS) == (True, True), (frozen, back)


@pytest.mark.parametrize(
    ("identity", "service", "code", "answer"),
    [
        ("monitor", GATE, 0, "SERVING"),
        ("monitor", "", 0, "SERVING"),
        ("monitor", "other", 3, "NOT_FOUND"),
        ("nobody", GATE, 2, "tls.crt"),
    ],
)
def test_health_by_command(folder, gate, identity, service, code, answer):
    certificates = str(folder / "certificates" / identity)
    asked = CliRunner().invoke(app, ["health", gate.address, "--certificates", certificates, "--service", service])

    assert (asked.exit_code, answer in asked.output) == (code, True)


def test_a_second_certificate_folder_is_not_made_over_the_first(folder):
    again = CliRunner().invoke(app, ["certs", str(folder / "certificates"), "--roles", str(ROLES_FILE)])

    assert again.exit_code == 2
    assert (folder / "certificates" / "gate" / "tls.key").stat().st_mode & 0o077 == 0


def test_sigterm_ends_in_order(folder, gate, index):
    assert gate.stop() == 0
    assert index.stop() == 0
    assert "rpc.server_stopped" in gate.log.read_text()
