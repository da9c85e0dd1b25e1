"""A patient is withdrawn from a sealed store that an index serves; so the operations page says it is done."""

import json

import pytest
from support.grpc_servers import ROLES_FILE
from support.random_snapshots import KEY, write_snapshot
from support.service_process import INDEX, Process
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.index import create_key, read_key


def command(*arguments):
    return CliRunner().invoke(app, [str(part) for part in arguments])


def withdraw(folder, output):
    keys = ["--key", folder / "key", "--storage-key", folder / "storage"]
    return command("index", "withdraw", folder / "store" / "first", folder / "leaving", "--output", output, *keys)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "key").write_text(KEY.hex())
    create_key(tmp_path / "storage")
    write_snapshot(tmp_path / "store" / "first", storage_key=read_key(tmp_path / "storage"))
    command("certs", tmp_path / "certificates", "--roles", ROLES_FILE)
    (tmp_path / "leaving").write_text("patient3\npatient7\n")
    return tmp_path


def test_an_index_goes_over_to_a_snapshot_without_the_patients(folder):
    process = Process(
        "index", INDEX, folder, ["cxrgate.cli", "serve", "index", folder / "store", "--storage-key", folder / "storage"]
    )
    with process.started():
        made = withdraw(folder, folder / "store" / "second")
        assert made.output.startswith("26 references of 13 patients")
        digest = json.loads(command("index", "info", folder / "store" / "second").output)["digest"]
        served = ["--index", process.address, "--certificates"]

        assert command("index", "activate", digest, *served, folder / "certificates" / "monitor").exit_code == 2
        done = command("index", "activate", digest, *served, folder / "certificates" / "curator")

        assert done.output.strip() == f"active: {digest}, 26 references"
        assert command("index", "activate", "0" * 64, *served, folder / "certificates" / "curator").exit_code == 2
    assert (folder / "store" / "active").read_text().strip() == digest


def test_a_patient_who_is_not_enrolled_is_an_error_and_nothing_is_written(folder):
    (folder / "leaving").write_text("patient3\npatient99\n")

    refused = withdraw(folder, folder / "x")

    assert refused.exit_code == 2
    assert not (folder / "x").exists()
