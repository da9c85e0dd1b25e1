import errno
import os

import pytest
import typer

from cxrgate.cli.errors import Exit, errors_as_messages


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE])
def test_what_the_host_refuses_is_told_in_a_sentence(number, capsys):
    with pytest.raises(typer.Exit) as ended, errors_as_messages():
        raise OSError(number, os.strerror(number), "out/work/journal.jsonl")
    told = capsys.readouterr().err
    assert ended.value.exit_code == Exit.USAGE
    assert os.strerror(number) in told
    assert "out/work/journal.jsonl" in told
    assert "start again" in told


@pytest.mark.parametrize(
    ("error", "told"), [(MemoryError(), "memory ran out"), (RuntimeError("can't start new thread"), "no more threads")]
)
def test_that_memory_or_threads_ran_out_is_told_in_a_sentence(error, told, capsys):
    with pytest.raises(typer.Exit) as ended, errors_as_messages():
        raise error
    assert ended.value.exit_code == Exit.USAGE
    assert told in capsys.readouterr().err


def test_an_error_of_our_own_code_is_not_taken_for_the_hosts():
    with pytest.raises(FileNotFoundError), errors_as_messages():
        raise FileNotFoundError(errno.ENOENT, "no such file", "somewhere")
    with pytest.raises(RuntimeError), errors_as_messages():
        raise RuntimeError("expected a running loop")
