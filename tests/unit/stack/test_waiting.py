import itertools

import pytest

from cxrgate.core import UsageError
from cxrgate.stack.engine import ContainerState
from cxrgate.stack.waiting import REFUSALS, REFUSED, RESTARTS, SERVICES, wait_until_healthy, wait_until_started

GOOD = [ContainerState(service, service, "running", "healthy", 0, 0) for service in SERVICES]


class FakeEngine:
    """Says one list of states after the other, the last for good. `said`: the last lines of every log, likewise."""

    def __init__(self, *answers, said=("",)):
        self._answers = itertools.chain(answers, itertools.repeat(answers[-1]))
        self._said = itertools.chain(said, itertools.repeat(said[-1]))

    def states(self, project):
        return next(self._answers)

    def log(self, project, service, lines):
        return next(self._said) if lines == 1 else f"the end of {service}'s log\n"


def gate(state="running", health="starting", restarts=0, exit_code=0, container="first"):
    """Everything is healthy but the gate."""
    return [*GOOD[:2], ContainerState("gate", container, state, health, restarts, exit_code)]


class FakeCompose:
    """Ends with a code after so many looks."""

    def __init__(self, looks, returncode=0):
        self._looks, self.returncode, self.terminated = looks, returncode, False

    def poll(self):
        self._looks -= 1
        return None if self._looks >= 0 else self.returncode

    def terminate(self):
        self.terminated = True


def account(engine):
    """What is said in the end; it comes long before the time is over."""
    with pytest.raises(UsageError) as caught:
        wait_until_healthy(engine, "cxrgate", lambda _: None)
    return str(caught.value)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr("cxrgate.stack.waiting.POLL_SECONDS", 0.0)


def test_compose_is_stopped_where_it_waits_for_a_service_that_ends_again_and_again():
    compose, restarts = FakeCompose(looks=100), [gate("restarting", restarts=number) for number in range(9)]
    with pytest.raises(UsageError, match="the end of gate's log"):
        wait_until_started(compose, FakeEngine(*restarts), "cxrgate")

    assert compose.terminated


def test_what_compose_replaces_is_no_reason_to_stop_it():
    old, new = gate("restarting", restarts=90), gate("created", container="second")
    wait_until_started(FakeCompose(looks=4), FakeEngine(old, [*new, old[-1]], new), "cxrgate")


def test_compose_that_fails_is_told_with_the_log_of_what_is_not_healthy():
    with pytest.raises(UsageError, match=r"exit code 1\n.*\n.*\nthe end of gate's log"):
        wait_until_started(FakeCompose(looks=1, returncode=1), FakeEngine(gate("exited")), "cxrgate")


def test_it_waits_until_every_service_is_healthy():
    said = []
    wait_until_healthy(FakeEngine([], GOOD[:2], gate(), gate(), GOOD), "cxrgate", said.append)

    assert said == ["waiting for gate starting"]


def test_service_that_is_not_there_is_waited_for():
    with pytest.raises(UsageError, match="healthy"):
        wait_until_healthy(FakeEngine(GOOD[:2]), "cxrgate", lambda _: None, 0.05)


def test_unhealthy_service_is_given_up_after_a_time():
    with pytest.raises(UsageError, match="gate is running unhealthy"):
        wait_until_healthy(FakeEngine(gate(health="unhealthy")), "cxrgate", lambda _: None, 0.05)


@pytest.mark.parametrize(
    "last", [gate("exited", exit_code=137), gate("restarting", restarts=5 + RESTARTS, exit_code=137)]
)
def test_service_that_ends_is_told_with_its_log(last):
    told = account(FakeEngine(gate("restarting", restarts=5, exit_code=2), last))

    assert "the end of gate's log" in told
    assert "exit code 137" in told
    assert "models" not in told


def test_restarts_of_before_are_no_reason_to_give_up():
    once = [ContainerState("models", "first", "running", "healthy", RESTARTS, 0), *GOOD[1:]]
    again = [once[0], *gate("restarting", restarts=90)[1:]]
    wait_until_healthy(FakeEngine(again, again, again, again, once), "cxrgate", lambda _: None)


def test_gate_that_refuses_what_the_index_has_is_told_with_its_log():
    assert "the end of gate's log" in account(FakeEngine(gate(), said=[f"{{{REFUSED}}}\n"]))


def test_gate_may_refuse_for_some_seconds():
    said = [f"{{{REFUSED}}}\n"] * (REFUSALS - 1)
    starting = [gate()] * (2 * REFUSALS - 1)
    wait_until_healthy(FakeEngine(*starting, GOOD, said=[*said, "another", *said]), "cxrgate", lambda _: None)
