import json
from dataclasses import dataclass, field

import pytest
from typer.testing import CliRunner

from cxrgate.cli.commands.index import group
from cxrgate.cli.commands.index.group import app

COHORT = {"head": "cohort-cosine", "slope": 2.5, "cohort": {"shape": [90, 512], "float32": "A" * 245760}}


@dataclass(frozen=True)
class Manifest:
    references: int = 3
    parts: dict = field(default_factory=lambda: {"measurement": {"about": {"patients": 2, "terms": {"head": COHORT}}}})
    digest = "ab" * 32


@pytest.mark.parametrize("limits", [("1", "-1"), ("0", "0"), ("0", "inf"), ("nan", "1")])
def test_a_range_of_floats_that_is_none_is_refused_before_anything_else(tmp_path, limits):
    options = ["--output", "snapshot", "--key", "key", "--reference-map", "map.csv", "--float-range", *limits]
    done = CliRunner().invoke(app, ["build", str(tmp_path), *options])

    assert done.exit_code == 2
    assert "--float-range takes black, then white above it" in done.output


def test_a_cohort_is_told_by_its_digest(monkeypatch):
    monkeypatch.setattr(group, "read_manifest", lambda _: Manifest())
    monkeypatch.setattr(group, "measured_of", lambda _: ["31 % are recognised."])

    answer = CliRunner().invoke(app, ["info", "snapshot"])
    told = json.loads(answer.output)

    assert told["parts"]["measurement"]["about"]["patients"] == 2
    assert told["parts"]["measurement"]["about"]["terms"]["head"].keys() == {"head", "sha256"}
    assert (told["digest"], told["measured"]) == ("ab" * 32, ["31 % are recognised."])
    assert len(answer.output) < 1000
