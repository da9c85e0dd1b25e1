import shutil

import pytest
from support.random_snapshots import write_snapshot

from cxrgate.index.build import ModelDigests
from cxrgate.index.manifest import read_manifest
from cxrgate.stack import launch as launch_module
from cxrgate.stack.checks import Plan
from cxrgate.stack.compose import Compose
from cxrgate.stack.engine import ContainerState
from cxrgate.stack.findings import HostFinding, Level
from cxrgate.stack.launch import Launch, StackNotStarted
from cxrgate.stack.model_folders import check_snapshot
from cxrgate.stack.state import State
from cxrgate.stack.waiting import SERVICES

GOOD = [ContainerState(service, service, "running", "healthy", 0, 0) for service in SERVICES]


class FakeEngine:
    """Says what runs."""

    def __init__(self, states):
        self._states = states

    def states(self, project):
        return self._states


def test_services_that_are_not_asked_for_any_more_are_ended(tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(Compose, "run", lambda _, *arguments: ran.append(arguments))
    running = [*GOOD, *(ContainerState(name, name, "running", "healthy", 0, 0) for name in ("receiver", "review"))]
    state = State(tmp_path)
    launch = Launch(Plan(state, tmp_path, "127.0.0.1:0", gpu=False), tmp_path, "cxrgate", senders=["GENERATOR"])
    launch._stop_others(state, FakeEngine(running))

    assert launch.profiles == ["dicom"]
    assert ran == [("rm", "-sf", "review")]


def test_start_says_what_ends_soon_and_leaves_other_warnings_to_the_doctor(tmp_path):
    said = []
    launch = Launch(Plan(State(tmp_path), tmp_path, "127.0.0.1:0", gpu=False), tmp_path, "cxrgate")
    found = [HostFinding(name, Level.WARN, "has 3 days left", "renew it") for name in ("certificates", "java")]
    launch._require([*found, HostFinding("certification", Level.OK, "has 80 days left")], said.append, running=False)

    assert said == ["certificates: has 3 days left; renew it"]


class Prepared(Exception):
    """A start came past what it looks at first."""


@pytest.mark.parametrize(
    ("state", "held"),
    [("running", True), ("restarting", True), ("paused", True), ("exited", False), ("created", False)],
)
def test_port_may_be_taken_by_a_gate_of_the_stack_that_runs_or_ends_again_and_again(tmp_path, monkeypatch, state, held):
    def prepare(*_):
        raise Prepared

    monkeypatch.setattr(launch_module, "Engine", lambda: FakeEngine([ContainerState("gate", "1", state, "", 5, 2)]))
    taken = HostFinding("port", Level.FAIL, "127.0.0.1:8443 is not free", "end what listens there")
    monkeypatch.setattr(launch_module, "look", lambda _: [taken])
    monkeypatch.setattr(State, "prepare", prepare)
    launch = Launch(
        Plan(State(tmp_path), tmp_path, "127.0.0.1:0", gpu=False), tmp_path, "cxrgate", images=tmp_path / "real"
    )

    with pytest.raises(Prepared if held else StackNotStarted):
        launch.run(print)


def write_model(folder, digest):
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(f'{{"digest": "{digest}"}}')


def test_snapshot_of_other_models_is_told(tmp_path):
    write_snapshot(tmp_path / "store" / "first", models=ModelDigests("a" * 64, "b" * 64))
    write_model(tmp_path / "models" / "retrieval", "a" * 64)
    write_model(tmp_path / "models" / "verification", "b" * 64)
    assert check_snapshot(tmp_path / "store", tmp_path / "models").level is Level.OK

    write_model(tmp_path / "other" / "retrieval", "a" * 64)
    write_model(tmp_path / "other" / "verification", "c" * 64)
    found = check_snapshot(tmp_path / "store", tmp_path / "other")
    assert (found.level, "verification" in found.text) == (Level.FAIL, True)


def test_which_snapshot_is_served_must_be_clear(tmp_path):
    store, models = tmp_path / "store", tmp_path / "models"
    store.mkdir()
    write_model(models / "retrieval", "a" * 64)
    write_model(models / "verification", "b" * 64)
    assert check_snapshot(store, models).level is Level.FAIL

    for name, digests in (("first", ModelDigests("a" * 64, "b" * 64)), ("second", ModelDigests("c" * 64, "b" * 64))):
        write_snapshot(store / name, models=digests)
    assert check_snapshot(store, models).level is Level.FAIL

    (store / "active").write_text(read_manifest(store / "first").digest + "\n")
    shutil.copytree(store / "first", store / "the same again")
    assert check_snapshot(store, models).level is Level.OK
