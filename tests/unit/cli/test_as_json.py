import asyncio
import json

import pandas as pd
import pytest
import typer.main
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.hashlog import HashLog

ANSWERING = (
    "check", "decide", "doctor", "duplicates", "excess", "health", "log verify", "recheck", "run", "stack status",
    "train score", "verify-report", "verify-run",
)  # fmt: skip


def told(*words):
    answer = CliRunner().invoke(app, [str(word) for word in words])
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


@pytest.mark.parametrize("name", ANSWERING)
def test_what_answers_can_answer_as_json(name):
    command = typer.main.get_command(app)
    for word in name.split():
        command = command.get_command(None, word)

    (option,) = [parameter for parameter in command.params if "--json" in parameter.opts]
    assert option.is_flag


def test_a_log_that_holds_is_told_with_its_head(tmp_path):
    async def write():
        log = HashLog(tmp_path / "gate.log")
        await log.append("started")
        await log.close()

    asyncio.run(write())
    plain = CliRunner().invoke(app, ["log", "verify", str(tmp_path / "gate.log")]).stdout
    found = told("log", "verify", tmp_path / "gate.log", "--json")

    assert found["lines"] == 1
    assert plain.strip().endswith(found["head"])


def test_the_excess_of_two_runs_is_told_with_its_intervals(tmp_path):
    for name, flagged in (("training", 6), ("control", 2)):
        decisions = ["NOT_ANONYMOUS"] * flagged + ["ANONYMOUS"] * (20 - flagged)
        rows = {"image_id": [f"{place}.png" for place in range(20)], "label": ["a", "b"] * 10, "decision": decisions}
        (tmp_path / name / "results").mkdir(parents=True)
        pd.DataFrame(rows).to_parquet(tmp_path / name / "results/results.parquet")
    found = told("excess", tmp_path / "training", tmp_path / "control", "--json")

    assert (found["images"], found["training"]["value"], found["control"]["value"]) == (20, 0.3, 0.1)
    assert found["excess"]["low"] < found["excess"]["value"] < found["excess"]["high"]
    assert set(found["training_by_class"]) == {"a", "b"}
