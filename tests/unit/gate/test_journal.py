from pathlib import Path

import pytest

from cxrgate.core import UsageError
from cxrgate.gate.journal import Journal
from cxrgate.gate.release import release_names
from cxrgate.images import ImageFile

RUN = {"policy": "p"}


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


def test_another_runs_journal_is_refused(tmp_path):
    write(tmp_path / "journal", 1)

    with pytest.raises(UsageError, match="policy differ"):
        Journal(tmp_path / "journal", {"policy": "q"})


def test_released_names_are_png_and_distinct():
    names = ["a/x.jpg", "a/x.png", "a/X.PNG", "b/y.dcm", "z"]
    released = release_names([ImageFile(Path(name), name) for name in names])

    assert released["b/y.dcm"] == "b/y.png"
    assert released["z"] == "z.png"
    assert len({name.casefold() for name in released.values()}) == len(names)
