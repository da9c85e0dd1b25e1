"""Patients leave a snapshot by a file that names them."""

import pytest
from support.random_snapshots import KEY, write_snapshot
from typer.testing import CliRunner

from cxrgate.cli.commands.index.group import app


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "key").write_text(KEY.hex())
    write_snapshot(tmp_path / "snapshot")
    return tmp_path


def withdraw(folder, content, snapshot="snapshot"):
    if content is not None:
        (folder / "leaving.txt").write_bytes(content)
    words = ["withdraw", folder / snapshot, folder / "leaving.txt", "--output", folder / "new", "--key"]
    answer = CliRunner().invoke(app, [str(word) for word in [*words, folder / "key"]])
    assert (answer.exit_code == 0) == (folder / "new").exists()
    return answer


@pytest.mark.parametrize(
    "content",
    [
        b"patient3\n",
        b"patient3\npatient3\n",
        b"\xef\xbb\xbfpatient_id\r\npatient3\r\n",
        b"PatientID\npatient3\n",
        b'"Patient ID"\n"patient3"\n',
    ],
)
def test_it_is_said_how_many_left(folder, content):
    answer = withdraw(folder, content)

    assert answer.exit_code == 0, answer.output
    assert "28 references of 14 patients" in answer.output
    assert "1 patient, 2 references withdrawn" in answer.output


def test_another_spelling_that_stays_enrolled_is_named(folder):
    write_snapshot(folder / "spelt", patients=("P1", "p1", "P 1", "P2", "Mu\u0308ller"))

    answer = withdraw(folder, "P1\nM\u00fcller\n".encode(), "spelt")

    assert "2 patients, 4 references withdrawn" in answer.output  # one is there in its other Unicode form
    assert "Still enrolled in another spelling: 'P 1' beside 'P1', 'p1' beside 'P1'. " in answer.output


def test_of_no_other_spelling_nothing_is_said(folder):
    assert "another spelling" not in withdraw(folder, b"patient3\n").output


def test_it_is_said_that_the_list_must_lose_the_patient_too(folder):
    answer = withdraw(folder, b"patient3\n")

    assert "Next: take these patients out of the list that the snapshot is made from" in answer.output
    assert "--exclude" in answer.output


@pytest.mark.parametrize("content", [b"", b"\n  \n", b"patient_id\n"])
def test_a_file_that_names_nobody_is_refused(folder, content):
    answer = withdraw(folder, content)

    assert answer.exit_code == 2
    assert "names no patient, so that nobody would be withdrawn" in answer.output


def test_a_patient_who_is_not_enrolled_is_named_as_in_the_file_with_the_line(folder):
    answer = withdraw(folder, b"patient_id\npatient3\nMeier\npatient99\n")

    assert answer.exit_code == 2
    assert "2 patients are not in" in answer.output
    assert "Meier (line 3), patient99 (line 4)" in answer.output


@pytest.mark.parametrize(
    ("content", "message"),
    [("patient3\n".encode("utf-16"), "is UTF-16"), (b"\xff3\n", "not text in UTF-8"), (None, "there is no such file")],
)
def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(folder, content, message):
    answer = withdraw(folder, content)

    assert answer.exit_code == 2
    assert message in answer.output
    assert "codec" not in answer.output
    assert "Errno" not in answer.output
