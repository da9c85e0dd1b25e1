"""Scores that drift stop a served gate until somebody has looked."""

import asyncio

import pytest
from support.fake_gate import CLEAN, LEAK, gate_server
from support.grpc_servers import AUTHORITY, IDENTITIES, ROLES
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.client import AsyncGate, GateError
from cxrgate.core import UsageError
from cxrgate.gate.drift import Drift
from cxrgate.hashlog import HashLog

REFERENCE, WINDOW = 40, 20


async def ask(folder, contents):
    """The gate's answers; the last may be the error that it ends with."""
    async with (
        gate_server(folder, drift=Drift(REFERENCE, WINDOW)) as (_, _, address),
        AsyncGate(address, IDENTITIES["generator"]) as gate,
    ):
        answers = []
        for content in contents:
            try:
                answers.append((await gate.check(content)).released)
            except GateError as error:
                return [*answers, (error.code, error.reason)]
        return answers


def test_drift_stops_verdicts_over_a_restart_until_it_is_acknowledged(tmp_path):
    first = asyncio.run(ask(tmp_path, [CLEAN] * REFERENCE + [LEAK] * (2 * WINDOW + 1)))
    again = asyncio.run(ask(tmp_path, [CLEAN]))
    told = CliRunner().invoke(app, ["log", "acknowledge", str(tmp_path / "gate.log"), "--reason", "a new generator"])
    after = asyncio.run(ask(tmp_path, [CLEAN]))

    assert first == [True] * REFERENCE + [False] * (2 * WINDOW) + [("FAILED_PRECONDITION", "DRIFT")]
    assert again == [("FAILED_PRECONDITION", "DRIFT")]
    assert told.exit_code == 0
    assert after == [True]
    assert "a new generator" in (tmp_path / "gate.log").read_text()


def test_one_callers_odd_scores_stop_that_caller_and_nobody_else(tmp_path):
    """Over real gRPC, the other caller having asked nothing before."""
    other = "spiffe://cxrgate/other"
    roles = ROLES.model_copy(update={"identities": {**ROLES.identities, other: "generator"}})

    async def call():
        async with gate_server(tmp_path, roles=roles, drift=Drift(REFERENCE, WINDOW)) as (_, _, address):
            async with AsyncGate(address, IDENTITIES["generator"]) as gate:
                for content in [CLEAN] * REFERENCE + [LEAK] * (2 * WINDOW):
                    await gate.check(content)
                with pytest.raises(GateError) as refused:
                    await gate.check(CLEAN)
            async with AsyncGate(address, AUTHORITY.issue(other)) as gate:
                return refused.value.reason, (await gate.check(CLEAN)).released

    assert asyncio.run(call()) == ("DRIFT", True)


def test_a_log_has_one_writer(tmp_path):
    async def call():
        log = HashLog(tmp_path / "log")
        with pytest.raises(UsageError, match="another process writes this log"):
            HashLog(tmp_path / "log")
        await log.close()
        await HashLog(tmp_path / "log").close()

    asyncio.run(call())
