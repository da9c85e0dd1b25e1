"""`cxrgate index info`: a manifest for people."""

import json
from dataclasses import dataclass, field

from typer.testing import CliRunner

from cxrgate.cli.commands.index import group

COHORT = {"head": "cohort-cosine", "slope": 2.5, "cohort": {"shape": [90, 512], "float32": "A" * 245760}}


@dataclass(frozen=True)
class Manifest:
    references: int = 3
    parts: dict = field(default_factory=lambda: {"measurement": {"about": {"patients": 2, "terms": {"head": COHORT}}}})
    digest = "ab" * 32


def test_a_cohort_is_told_by_its_digest(monkeypatch):
    monkeypatch.setattr(group, "read_manifest", lambda _: Manifest())
    monkeypatch.setattr(group, "measured_of", lambda _: ["31 % are recognised."])

    answer = CliRunner().invoke(group.app, ["info", "snapshot"])
    told = json.loads(answer.output)

    assert told["parts"]["measurement"]["about"]["patients"] == 2
    assert told["parts"]["measurement"]["about"]["terms"]["head"].keys() == {"head", "sha256"}
    assert (told["digest"], told["measured"]) == ("ab" * 32, ["31 % are recognised."])
    assert len(answer.output) < 1000
