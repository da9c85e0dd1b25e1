"""What a run says at its end."""

import json
from dataclasses import replace

import pytest
from support.fakes import POLICY
from support.run_results import checked, failed, table

from cxrgate.cli.run_end import as_mapping, nearest_lines, tell_places
from cxrgate.gate.config import RunConfig
from cxrgate.run.held import Held
from cxrgate.run.nearness import nearest_released
from cxrgate.run.run import RunSummary

CLEAR, NEAR, SAME = checked("clear.png"), checked("near.png", score=0.45), checked("same.png", score=0.9)
USUAL = (CLEAR, checked("usual.png"), checked("other.png"))


def summary(*rows):
    results = table(rows)
    names = [name for name in results["released_as"] if name]
    return RunSummary(lambda: results, names, 1.0, len(rows), Held(24, 12), nearest=nearest_released(results, POLICY))


@pytest.fixture
def settings(tmp_path):
    return RunConfig(synthetic=tmp_path, output=tmp_path / "out", snapshot=tmp_path)


def test_the_released_ones_nearest_to_a_threshold_are_named_first(settings):
    lines = list(nearest_lines(summary(*USUAL, NEAR, SAME)))

    assert [line.split()[0] for line in lines[1:]] == ["near.png", "clear.png", "usual.png", "other.png"]
    assert "score 0.450" in lines[1]


def test_nothing_is_named_where_nothing_was_released():
    assert list(nearest_lines(summary(SAME))) == []


def test_page_results_and_the_next_step_are_named(settings, tmp_path, capsys):
    tell_places(settings, summary(CLEAR), tmp_path / "config.yaml")
    told = capsys.readouterr()

    assert str(tmp_path / "out" / "report.html") in told.out
    assert str(tmp_path / "out" / "results" / "results.csv") in told.out
    assert "cxrgate calibrate" in told.err


def test_what_has_no_answer_comes_before_certificates(settings, tmp_path, capsys):
    tell_places(settings, summary(CLEAR, failed("cut.png")), tmp_path / "config.yaml")
    assert "why images have no answer" in capsys.readouterr().err

    certified = settings.model_copy(update={"certification": "required"})
    tell_places(certified, summary(CLEAR), tmp_path / "config.yaml")
    assert "cxrgate release-report" in capsys.readouterr().err


def test_everything_is_there_as_json(settings):
    found = summary(*USUAL, NEAR, SAME)
    found = replace(found, checked=2, recognised="Most pass.")
    told = json.loads(json.dumps(as_mapping(settings, found)))

    assert told["counts"] == {"ANONYMOUS": 4, "NOT_ANONYMOUS": 1, "INDETERMINATE": 0}
    assert (told["released"], told["borderline"], told["images_checked_now"]) == (4, 1, 2)
    assert told["nearest_to_a_threshold"][0] == "near.png"
    assert told["recognised"] == "Most pass."
