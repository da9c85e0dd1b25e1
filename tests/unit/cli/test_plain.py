import pytest
import typer

from cxrgate.cli.errors import errors_as_messages
from cxrgate.cli.plain import plain
from cxrgate.core import UsageError


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\x1b]0;owned\x07.png", "a\\x1b]0;owned\\x07.png"),
        ("a\x9b31m.png", "a\\x9b31m.png"),
        ("a\u202egnp.exe", "a\\u202egnp.exe"),
        ("a\r.png", "a\\r.png"),
        ("a\udce9.png", "a\\udce9.png"),
        ("Aufnahme_\u00e4.png", "Aufnahme_\u00e4.png"),
        ("first\n\tsecond", "first\n\tsecond"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(name, shown):
    assert plain(name) == shown


def test_an_error_that_names_a_file_moves_no_cursor(capsys):
    with pytest.raises(typer.Exit), errors_as_messages():
        raise UsageError("a\x1b[2J.png cannot be read")

    assert capsys.readouterr().err == "cxrgate: a\\x1b[2J.png cannot be read\n"
