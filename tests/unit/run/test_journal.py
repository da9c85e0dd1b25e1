import errno
import os

import pytest

from cxrgate.core import StorageCorrupt, StorageError, UsageError
from cxrgate.run.journal import Journal

RUN = {"policy": "p", "batch": 50}  # a key that is also a line's own


def write(path, count):
    journal = Journal(path, RUN)
    for number in range(count):
        journal.append(number, {"results": [number], "released": {}})
    journal.close()
    return path.read_bytes()


def reopen(path):
    journal = Journal(path, RUN)
    journal.close()
    return sorted(journal.batches)


def test_journal_cut_at_any_byte_keeps_its_whole_lines_and_goes_on(tmp_path):
    path = tmp_path / "journal"
    content = write(path, 3)
    ends = [i + 1 for i, byte in enumerate(content) if byte == 10]
    for length in range(len(content) + 1):
        path.write_bytes(content[:length])
        whole = sum(end <= length for end in ends)
        assert reopen(path) == list(range(max(0, whole - 1)))
        write(path, 1)
        assert 0 in reopen(path)


def test_changed_line_and_what_follows_it_are_dropped(tmp_path):
    path = tmp_path / "journal"
    content = bytearray(write(path, 3))
    second = content.index(b'"batch":1')
    content[second + 8] = ord("7")
    path.write_bytes(content)

    assert reopen(path) == [0]


def test_a_disk_that_takes_a_part_of_a_line_is_full_and_the_journal_goes_on_afterwards(tmp_path, monkeypatch):
    path, write = tmp_path / "journal.jsonl", os.write
    journal = Journal(path, {"a": 1})
    journal.append(1, {"x": 1})
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda file, content: write(file, content[:5]))
        with pytest.raises(OSError, match=r"part of a line") as error:
            journal.append(2, {"x": 2})
    journal.close()

    assert (error.value.errno, error.value.filename) == (errno.ENOSPC, str(path))
    again = Journal(path, {"a": 1})
    assert list(again.batches) == [1]
    again.close()


def test_another_runs_journal_is_refused(tmp_path):
    write(tmp_path / "journal", 1)

    with pytest.raises(UsageError, match=r"which had another batch; another policy, .*: choose another output"):
        Journal(tmp_path / "journal", {"policy": "q"})


def test_what_a_run_has_no_longer_is_a_difference_that_is_named(tmp_path):
    Journal(tmp_path / "journal", {**RUN, "float_range": [0, 1]}).close()

    with pytest.raises(UsageError, match="which had another float_range:"):
        Journal(tmp_path / "journal", RUN)


def test_two_runs_do_not_write_one_output(tmp_path):
    first = Journal(tmp_path / "work/journal", RUN)

    with pytest.raises(UsageError, match="another run writes into"):
        Journal(tmp_path / "work/journal", RUN)

    first.close()
    Journal(tmp_path / "work/journal", RUN).close()


def test_a_second_run_leaves_the_sealed_journal_of_the_first_legible(tmp_path):
    first = Journal(tmp_path / "work/journal", RUN, KEY)
    with pytest.raises(UsageError, match="another run"):
        Journal(tmp_path / "work/journal", RUN, KEY)
    first.append(0, {"results": []})
    first.close()

    second = Journal(tmp_path / "work/journal", RUN, KEY)

    assert list(second.batches) == [0]
    second.close()


KEY, OTHER = bytes(32), bytes(31) + b"1"


def write_sealed(path, count, key=KEY):
    journal = Journal(path, RUN, key)
    for number in range(count):
        journal.append(number, {"results": [f"canary {number}"], "released": {}})
    journal.close()
    return path.read_bytes()


def reopen_sealed(path, key=KEY):
    journal = Journal(path, RUN, key)
    journal.close()
    return sorted(journal.batches)


def test_a_sealed_journal_tells_nothing_and_goes_on_where_it_was(tmp_path):
    content = write_sealed(tmp_path / "journal", 3)

    assert b"canary" not in content
    assert b"policy" not in content
    assert reopen_sealed(tmp_path / "journal") == [0, 1, 2]
    journal = Journal(tmp_path / "journal", RUN, KEY)
    journal.append(3, {"results": [], "released": {}})
    journal.close()
    assert reopen_sealed(tmp_path / "journal") == [0, 1, 2, 3]


def test_a_sealed_journal_cut_at_any_byte_keeps_its_whole_lines(tmp_path):
    path = tmp_path / "journal"
    content = write_sealed(path, 2)
    ends = [i + 1 for i, byte in enumerate(content) if byte == 10]
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        assert len(reopen_sealed(path)) == max(0, sum(end <= length for end in ends) - 1)


def test_a_sealed_line_that_was_changed_removed_or_moved_is_refused(tmp_path):
    path = tmp_path / "journal"
    lines = write_sealed(path, 3).splitlines(keepends=True)
    changed = lines[1][:20] + (b"A" if lines[1][20:21] != b"A" else b"B") + lines[1][21:]
    for forged in ([lines[0], changed, *lines[2:]], [lines[0], *lines[2:]], [lines[0], lines[2], lines[1], lines[3]]):
        path.write_bytes(b"".join(forged))
        with pytest.raises(StorageCorrupt):
            reopen_sealed(path)


@pytest.mark.parametrize(("written", "opened"), [(KEY, None), (None, KEY), (KEY, OTHER)])
def test_a_journal_opens_as_it_was_written_only(tmp_path, written, opened):
    content = write_sealed(tmp_path / "journal", 1, written)

    with pytest.raises((UsageError, StorageError)):
        reopen_sealed(tmp_path / "journal", opened)
    assert (tmp_path / "journal").read_bytes() == content
