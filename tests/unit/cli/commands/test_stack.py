import json
from pathlib import Path

import pytest
from support.container_stack import MODELS
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.stack.launch import Launch


@pytest.fixture(autouse=True)
def no_engine(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")


def test_doctor_names_what_fails_with_a_remedy_and_looks_at_all_the_rest(tmp_path):
    options = ["--models", str(MODELS), "--state", str(tmp_path), "--listen", "127.0.0.1:0"]
    plain = CliRunner().invoke(app, ["doctor", *options])
    found = {
        item["subject"]: item for item in json.loads(CliRunner().invoke(app, ["doctor", *options, "--json"]).output)
    }

    assert plain.exit_code == 3
    assert "fail docker" in plain.output
    assert "install Docker Engine" in found["docker"]["remedy"]
    subjects = {"python", "java", "docker", "memory", "disk", "port", "clock", "certificates", "models"}
    assert set(found) == subjects
    assert all((item["level"] == "ok") == (not item["remedy"]) for item in found.values())


def test_doctor_tells_of_the_certificate_that_a_stack_was_started_under(tmp_path):
    (tmp_path / "stack.env").write_text("CXRGATE_CERTIFICATION_KEY='/nonexistent/site.pub'\n")
    asked = CliRunner().invoke(app, ["doctor", "--models", str(MODELS), "--state", str(tmp_path), "--json"])
    found = {item["subject"]: item for item in json.loads(asked.output)}

    assert "holds 0 snapshots" in found["certification"]["text"]


def test_start_without_an_engine_says_so(tmp_path):
    started = CliRunner().invoke(app, ["stack", "up", "--state", str(tmp_path / "state")])

    assert started.exit_code == 2
    assert "no Docker engine" in started.output
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("words", [["status"], ["logs", "gate"], ["down"]])
def test_there_is_nothing_to_ask_where_no_stack_was_started(tmp_path, words):
    asked = CliRunner().invoke(app, ["stack", *words, "--state", str(tmp_path)])

    assert (asked.exit_code, "no stack was started" in asked.output) == (2, True)


@pytest.mark.parametrize(("shell", "key"), [("/asked.pub", "/asked.pub"), ("", "/kept.pub")])
def test_a_shell_asks_for_a_certificate_as_the_option_does_and_does_not_end_the_asking(
    tmp_path, monkeypatch, shell, key
):
    started = []
    monkeypatch.setattr(Launch, "run", lambda launch, _: started.append(launch.certification_key))
    (tmp_path / "stack.env").write_text("CXRGATE_CERTIFICATION_KEY='/kept.pub'\n")
    CliRunner().invoke(app, ["stack", "up", "--state", str(tmp_path)], env={"CXRGATE_CERTIFICATION_KEY": shell})

    assert started == [Path(key)]
