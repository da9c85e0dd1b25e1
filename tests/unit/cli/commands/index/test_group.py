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


@pytest.mark.parametrize("command", [["info"], ["verify"]])
@pytest.mark.parametrize(("name", "told"), [("nowhere", "there is nothing at this place"), (".", "no manifest.json")])
def test_what_is_no_snapshot_is_refused_with_what_lies_there(tmp_path, command, name, told):
    answer = CliRunner().invoke(app, [*command, str(tmp_path / name)])

    assert answer.exit_code == 2
    assert told in answer.output


def test_a_file_in_place_of_a_snapshot_is_refused_with_the_option_that_takes_one(tmp_path):
    (tmp_path / "config.yaml").write_text("synthetic: a\n")
    verified, told = (CliRunner().invoke(app, [word, str(tmp_path / "config.yaml")]) for word in ("verify", "info"))

    assert (verified.exit_code, told.exit_code) == (2, 2)
    assert "add --images" in verified.output
    assert "it is a file" in told.output
