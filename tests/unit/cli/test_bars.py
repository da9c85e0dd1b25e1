import pytest

from cxrgate.cli import progress
from cxrgate.cli.bars import bars, say


@pytest.fixture
def quiet(monkeypatch):
    monkeypatch.setattr(progress, "quiet", True)


def interrupted():
    with bars() as report:
        report("check", 3, 20)
        raise KeyboardInterrupt


def test_what_is_interrupted_says_how_far_it_came_and_what_follows(capsys):
    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert capsys.readouterr().err == "cxrgate: stopped at check, 3 of 20; the same command goes on where it was\n"


def test_no_escape_sequence_reaches_a_log(capsys):
    with bars() as report:
        for _ in range(20):
            report("check", 1, 20)

    assert capsys.readouterr() == ("", "")


def test_quiet_silences_what_is_said_on_the_way(quiet, capsys):
    say("a sentence")
    with bars() as report:
        report("check", 20, 20)

    assert capsys.readouterr() == ("", "")
