import os
from pathlib import Path

import pytest
from cryptography import x509
from support.grpc_servers import ROLES_FILE

from cxrgate.core import UsageError
from cxrgate.rpc.roles import read_roles
from cxrgate.stack.state import State


def every_file(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_first_start_makes_what_is_needed_and_the_second_changes_nothing(tmp_path):
    state = State(tmp_path / "state")
    state.prepare(ROLES_FILE, ["gate.hospital.example"])
    made = every_file(state.folder)
    state.prepare(ROLES_FILE, [])

    assert every_file(state.folder) == made
    gate = x509.load_pem_x509_certificate((state.certificates / "gate" / "tls.crt").read_bytes())
    names = gate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"gate.front", "index.search", "gate.hospital.example"} <= set(names.get_values_for_type(x509.DNSName))


def test_nobody_else_reads_keys(tmp_path):
    state = State(tmp_path / "state")
    state.prepare(ROLES_FILE, [])
    named = ("private/key", "storage.key", "review.key", "grafana.password")
    secrets = [state.folder / name for name in named]
    keys = [*secrets, *state.certificates.glob("*/tls.key")]

    assert len(keys) == len(named) + len(read_roles(ROLES_FILE).identities)
    assert not any(path.stat().st_mode & 0o077 for path in (*keys, state.private, state.folder))


def test_containers_never_run_as_root_and_own_what_they_use(tmp_path):
    state = State(tmp_path / "state")
    state.prepare(ROLES_FILE, [])
    state.write_variables({}, {})
    user, group = map(int, state.read_variables()["CXRGATE_USER"].split(":"))

    assert 0 not in {user, group}
    assert {path.stat().st_uid for path in (state.store, state.private / "key", state.folder / "log")} == {user}
    assert user == (os.geteuid() or 10001)


def test_a_configured_group_may_read_all_but_what_is_private(tmp_path, monkeypatch):
    monkeypatch.setenv("CXRGATE_GROUP", str(os.getegid()))
    state = State(tmp_path / "state")
    state.prepare(ROLES_FILE, [])
    state.write_variables({}, {})
    monkeypatch.delenv("CXRGATE_GROUP")

    assert state.read_variables()["CXRGATE_USER"] == f"{os.geteuid() or 10001}:{os.getegid()}"
    assert state.user[1] == os.getegid()  # stack.env remembers it
    modes = {path.name: path.stat().st_mode & 0o777 for path in (state.folder, state.store, state.private)}
    assert modes == {"state": 0o750, "store": 0o750, "private": 0o700}
    assert {path.stat().st_gid for path in (state.folder, state.store)} == {os.getegid()}


def test_a_group_is_named_by_its_number(tmp_path, monkeypatch):
    monkeypatch.setenv("CXRGATE_GROUP", "research")
    with pytest.raises(UsageError, match="CXRGATE_GROUP=research"):
        State(tmp_path / "state").prepare(ROLES_FILE, [])


def test_variables_come_back(tmp_path):
    state = State(tmp_path)
    state.write_variables({"CXRGATE_LISTEN": "127.0.0.1:8443", "CXRGATE_MODELS": "/a folder/$x"}, {})

    assert state.read_variables()["CXRGATE_MODELS"] == "/a folder/$x"
    assert state.read_variables()["CXRGATE_STATE"] == str(tmp_path)


def test_limit_that_somebody_wrote_stays_and_a_choice_is_replaced(tmp_path):
    state = State(tmp_path)
    state.write_variables({"CXRGATE_LISTEN": "127.0.0.1:1"}, {"CXRGATE_GATE_CPUS": "8"})
    with state.variables.open("a") as file:
        file.write("# for the large images\nCXRGATE_GATE_MEMORY=12g\nCXRGATE_GATE_CPUS=3\n")
    state.write_variables({"CXRGATE_LISTEN": "127.0.0.1:2"}, {"CXRGATE_GATE_CPUS": "8"})
    kept = state.read_variables()

    names = ("CXRGATE_GATE_MEMORY", "CXRGATE_GATE_CPUS", "CXRGATE_LISTEN")
    assert [kept[name] for name in names] == ["12g", "3", "127.0.0.1:2"]


@pytest.mark.parametrize("value", ["it's", "two\nlines"])
def test_variables_that_a_file_cannot_hold_are_refused(tmp_path, value):
    with pytest.raises(UsageError, match="quote"):
        State(tmp_path).write_variables({"CXRGATE_MODELS": value}, {})


def test_folder_without_a_stack_is_wrong_usage():
    with pytest.raises(UsageError, match="cxrgate stack up"):
        State(Path("/nonexistent")).read_variables()
