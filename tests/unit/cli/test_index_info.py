"""`cxrgate index info`: a manifest for people."""

import json
from dataclasses import dataclass, field

from typer.testing import CliRunner

from cxrgate.cli.commands.index import group


@dataclass(frozen=True)
class Manifest:
    references: int = 3
    head: dict = field(default_factory=lambda: {"slope": 2.5, "cohort": {"shape": [90, 512], "float32": "A" * 245760}})
    digest = "ab" * 32


def test_a_cohort_is_told_by_its_length(monkeypatch):
    monkeypatch.setattr(group, "read_manifest", lambda _: Manifest())
    monkeypatch.setattr(group, "measured_of", lambda _: ["31 % are recognised."])

    answer = CliRunner().invoke(group.app, ["info", "snapshot"])

    assert json.loads(answer.output) == {
        "references": 3,
        "head": {"slope": 2.5, "cohort": {"shape": [90, 512], "float32": "245760 characters"}},
        "digest": "ab" * 32,
        "measured": ["31 % are recognised."],
    }
