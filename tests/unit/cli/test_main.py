from importlib.metadata import version

import pytest
import typer
from typer.testing import CliRunner

from cxrgate.cli import progress
from cxrgate.cli.lazy import COMMANDS, EARLIER, HEADINGS
from cxrgate.cli.main import app


@pytest.fixture(autouse=True)
def loud(monkeypatch):
    monkeypatch.setattr(progress, "quiet", False)


def test_the_version_is_said_with_that_of_the_models():
    answer = CliRunner().invoke(app, ["--version"])

    assert answer.exit_code == 0
    assert answer.output.splitlines()[0] == f"cxrgate {version('cxrgate')}"
    assert "cxrgate-models" in answer.output


def test_every_command_answers_to_h():
    assert CliRunner().invoke(app, ["run", "-h"]).output == CliRunner().invoke(app, ["run", "--help"]).output != ""


@pytest.mark.parametrize("line", [["--quiet", "index", "info", "none"], ["index", "info", "none", "--quiet"]])
def test_quiet_may_stand_anywhere(line):
    assert CliRunner().invoke(app, line).exit_code == 2
    assert progress.quiet


def test_what_follows_two_hyphens_is_no_option():
    CliRunner().invoke(app, ["index", "info", "--", "--quiet"])

    assert not progress.quiet


def test_every_word_stands_under_one_heading():
    words = [word for listed in HEADINGS.values() for word in listed]

    assert sorted(words) == sorted(COMMANDS)


def test_help_lists_the_headings_in_order():
    output = CliRunner().invoke(app, ["--help"]).output
    places = [output.index(f"─ {heading} ─") for heading in HEADINGS]

    assert places == sorted(places)


@pytest.mark.parametrize("word", EARLIER)
def test_earlier_words_answer_and_are_not_listed(word):
    assert CliRunner().invoke(app, [word, "--help"]).exit_code == 0
    assert word not in typer.main.get_command(app).list_commands(None)


def test_shells_are_told_every_word():
    answer = CliRunner().invoke(
        app,
        [],
        env={"_CXRGATE_COMPLETE": "complete_bash", "COMP_WORDS": "cxrgate d", "COMP_CWORD": "1"},
        prog_name="cxrgate",
    )

    assert answer.output.split() == [word for words in HEADINGS.values() for word in words if word.startswith("d")]
