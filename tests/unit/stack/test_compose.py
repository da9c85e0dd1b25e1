import pytest

from cxrgate.stack.compose import Compose


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Stand in for docker; gives the variables that it is told."""
    stand_in = tmp_path / "bin" / "docker"
    stand_in.parent.mkdir()
    stand_in.write_text(f"#!/bin/sh\n/usr/bin/env > {tmp_path}/told\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(stand_in.parent))
    return lambda: dict(line.split("=", 1) for line in (tmp_path / "told").read_text().splitlines() if "=" in line)


def test_what_the_stack_was_started_with_counts_and_not_what_a_shell_has_under_the_same_name(
    tmp_path, monkeypatch, told
):
    (tmp_path / "stack.env").write_text("CXRGATE_CERTIFICATION_KEY='/site.pub'\nCXRGATE_CONFIG=''\n")
    for name, value in {
        "CXRGATE_CERTIFICATION_KEY": "",
        "CXRGATE_CONFIG": "/other.yaml",
        "BUILD_NETWORK": "host",
    }.items():
        monkeypatch.setenv(name, value)

    Compose(tmp_path, tmp_path / "stack.env").run("up", variables={"CXRGATE_SNAPSHOT": "first"})

    assert {"CXRGATE_CERTIFICATION_KEY", "CXRGATE_CONFIG"} & told().keys() == set()
    assert {name: told()[name] for name in ("BUILD_NETWORK", "CXRGATE_SNAPSHOT")} == {
        "BUILD_NETWORK": "host",
        "CXRGATE_SNAPSHOT": "first",
    }


@pytest.mark.parametrize(
    ("asked", "files"),
    [
        ({}, ["compose.yaml"]),
        ({"https": True}, ["compose.yaml", "compose.https.yaml"]),
        ({"gpu": True, "https": True}, ["compose.yaml", "compose.gpu.yaml", "compose.https.yaml"]),
    ],
)
def test_what_is_asked_for_is_laid_over(tmp_path, asked, files):
    command = Compose(tmp_path, tmp_path / "stack.env", **asked).command

    named = [command[place + 1] for place, word in enumerate(command) if word == "--file"]
    assert named == [str(tmp_path / name) for name in files]
