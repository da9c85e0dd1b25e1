"""A journal's batches are read from the disk, and what changed there meanwhile is noticed."""

import os

import pytest

from cxrgate.core import StorageCorrupt
from cxrgate.run.journal import Journal

RUN = {"policy": "p"}
KEY = bytes(32)


def group(*numbers):
    return {number: {"results": [number]} for number in numbers}


@pytest.fixture(params=[None, KEY], ids=["plain", "sealed"])
def journal(request, tmp_path):
    opened = Journal(tmp_path / "journal", RUN, request.param)
    yield opened
    opened.close()


def test_batches_of_a_group_are_told_apart(journal):
    journal.append_all(group(0, 1, 2))
    journal.append(3, {"results": [3]})

    assert {number: batch["results"] for number, batch in journal.batches.items()} == {n: [n] for n in range(4)}
    assert 3 in journal.batches
    assert 4 not in journal.batches
    assert len(journal.batches) == 4


def test_the_later_of_two_lines_for_one_batch_counts(journal):
    journal.append_all(group(0, 1))
    journal.append(1, {"results": ["again"]})

    assert [journal.batches[number]["results"] for number in (0, 1)] == [[0], ["again"]]


def test_a_line_that_is_changed_while_the_journal_is_open_is_not_believed(tmp_path, journal):
    journal.append_all(group(0, 1))
    content = bytearray((tmp_path / "journal").read_bytes())
    content[-20] ^= 1
    (tmp_path / "journal").write_bytes(content)

    with pytest.raises(StorageCorrupt, match="line 3 was changed"):
        journal.batches[1]
    assert journal.batches[0]["results"] == [0]


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "sealed"])
def test_a_crash_leaves_the_first_ones_of_a_group(tmp_path, key):
    path = tmp_path / "journal"
    journal = Journal(path, RUN, key)
    journal.append_all(group(0, 1))
    whole = path.stat().st_size
    journal.append_all(group(2, 3, 4))
    journal.close()
    content = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(content) if byte == 10]
    for length in range(whole, len(content) + 1):
        path.write_bytes(content[:length])
        journal = Journal(path, RUN, key)
        journal.close()
        assert list(journal.batches) == list(range(sum(end <= length for end in ends) - 1))


def test_a_plain_group_with_a_hole_loses_what_follows_the_hole(tmp_path):
    """What a power cut may leave: a later block of one write is on the disk, an earlier one is not."""
    path = tmp_path / "journal"
    journal = Journal(path, RUN)
    journal.append_all(group(0, 1, 2))
    journal.close()
    content = path.read_bytes()
    second = content.index(b'"batch":1')
    path.write_bytes(content[:second] + bytes(5) + content[second + 5 :])
    journal = Journal(path, RUN)
    journal.append(1, {"results": ["again"]})
    journal.close()

    assert [batch["results"] for batch in journal.batches.values()] == [[0], ["again"]]


def test_each_line_of_a_sealed_group_has_its_own_fsync(tmp_path, monkeypatch):
    journal, synced = Journal(tmp_path / "journal", RUN, KEY), []
    monkeypatch.setattr(os, "fsync", synced.append)
    journal.append_all(group(0, 1, 2))
    journal.close()

    assert len(synced) == 3
