"""`--help` says something about everything, and what the exit codes mean."""

import pytest
import typer
from typer.testing import CliRunner

from cxrgate.cli import main
from cxrgate.cli.errors import Exit
from cxrgate.cli.main import app


def walk(command, path="cxrgate"):
    """Every command and group below `command`, with the words that call it."""
    yield path, command
    for name in command.list_commands(None) if hasattr(command, "commands") else ():
        yield from walk(command.get_command(None, name), f"{path} {name}")


COMMANDS = dict(walk(typer.main.get_command(app)))
LEAVES = {path: command for path, command in COMMANDS.items() if not hasattr(command, "commands")}


def test_there_are_commands():
    assert {"cxrgate run", "cxrgate index build", "cxrgate model import"} <= set(LEAVES)


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_says_what_it_does(path):
    assert len(COMMANDS[path].help.split()) >= 3


@pytest.mark.parametrize("path", LEAVES)
def test_every_option_and_argument_says_what_it_takes(path):
    silent = [parameter.name for parameter in LEAVES[path].params if not (parameter.help or "").strip()]

    assert silent == []


@pytest.mark.parametrize("path", COMMANDS)
def test_help_is_shown(path):
    answer = CliRunner().invoke(app, [*path.split()[1:], "--help"])

    assert answer.exit_code == 0
    assert COMMANDS[path].help.split()[0] in answer.output


def test_root_help_lists_every_exit_code():
    assert all(f"{code.value} " in COMMANDS["cxrgate"].epilog for code in Exit)


@pytest.mark.parametrize("name", ["run", "check", "compat search", "compat verify", "compat filter"])
def test_commands_with_exit_codes_of_their_own_list_them(name):
    text = LEAVES[f"cxrgate {name}"].help

    assert "Exit codes: 0 " in text
    assert "3 some without an answer" in text


def test_an_error_of_the_program_does_not_exit_as_some_rejected(monkeypatch, capsys):
    def broken():
        raise ZeroDivisionError

    monkeypatch.setattr(main, "app", broken)
    with pytest.raises(SystemExit) as caught:
        main.main()

    assert caught.value.code == Exit.BROKEN == 4
    assert "ZeroDivisionError" in capsys.readouterr().err
