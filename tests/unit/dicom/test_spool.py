import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import cxrgate.dicom.spool as spool_module
from cxrgate.dicom.spool import Spool, SpoolDamaged, SpoolFull, SpoolLimits, read_acknowledged
from cxrgate.storage import write_durably


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_what_waits_is_found_again_in_the_order_of_arrival(tmp_path):
    spool = Spool(tmp_path)
    names = [spool.put(caller, content) for caller, content in (("B", b"1"), ("A", b"2"), ("B", b"3"))]

    assert [(entry.name, entry.caller) for entry in Spool(tmp_path).entries()] == list(zip(names, "BAB", strict=True))


def test_the_same_content_twice_is_one_image(tmp_path):
    spool = Spool(tmp_path, SpoolLimits(images=1))

    assert spool.put("A", b"1") == spool.put("A", b"1")
    assert len(spool.entries()) == 1


def damaged(spool):
    """The path of an image that was acknowledged and whose file has other bytes now."""
    spool.put("A", b"whole")
    (entry,) = spool.entries()
    entry.path.write_bytes(b"other")
    return entry.path


def test_a_damaged_file_is_replaced_when_it_is_sent_again_also_in_a_full_spool(tmp_path):
    path = damaged(Spool(tmp_path))
    spool = Spool(tmp_path, SpoolLimits(images=1, size=5))
    with pytest.raises(SpoolDamaged):
        read_acknowledged(path, path.stem)

    assert spool.put("A", b"whole") == path.stem

    assert read_acknowledged(path, path.stem) == b"whole"
    assert (spool.waiting, files(tmp_path)) == (1, [f"waiting/A/{path.name}"])


def test_a_damaged_file_that_cannot_be_replaced_still_counts(tmp_path, monkeypatch):
    spool = Spool(tmp_path)
    path = damaged(spool)

    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(spool_module, "write_durably", fail)
    with pytest.raises(SpoolFull):
        spool.put("A", b"whole")

    assert (spool.waiting, path.read_bytes()) == (1, b"other")


def test_the_same_content_at_the_same_time_is_counted_once(tmp_path, monkeypatch):
    both = threading.Barrier(2)

    def write(path, content):
        both.wait(10)
        write_durably(path, content)

    monkeypatch.setattr(spool_module, "write_durably", write)
    spool = Spool(tmp_path)
    with ThreadPoolExecutor(2) as threads:
        assert len(set(threads.map(lambda _: spool.put("A", b"1"), range(2)))) == 1
    assert spool.waiting == 1

    spool.remove(spool.entries()[0], keep=False)

    assert spool.waiting == 0


def test_an_image_that_leaves_while_the_folder_is_read_is_passed_over(tmp_path, monkeypatch):
    spool = Spool(tmp_path)
    for content in (b"1", b"2"):
        spool.put("A", content)
    glob = type(tmp_path).glob

    def leaving(folder, pattern):
        found = list(glob(folder, pattern))
        found[0].unlink()
        return found

    monkeypatch.setattr(type(tmp_path), "glob", leaving)

    assert len(spool.entries()) == 1


def test_what_a_crash_left_half_written_is_no_image(tmp_path):
    Spool(tmp_path).put("A", b"1")
    (tmp_path / "waiting/A/x.dcm.0123.partial").write_bytes(b"hal")

    assert len(Spool(tmp_path).entries()) == 1
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("limits", [SpoolLimits(images=1), SpoolLimits(size=3), SpoolLimits(free=2**60)])
def test_beyond_a_limit_nothing_is_taken(tmp_path, limits):
    Spool(tmp_path).put("A", b"12")
    spool = Spool(tmp_path, limits)

    with pytest.raises(SpoolFull):
        spool.put("A", b"34")
    assert len(files(tmp_path)) == 1


def test_room_comes_back_when_an_image_leaves_also_after_a_restart(tmp_path):
    Spool(tmp_path).put("A", b"1")
    spool = Spool(tmp_path, SpoolLimits(images=1))
    with pytest.raises(SpoolFull):
        spool.put("A", b"2")

    spool.remove(spool.entries()[0], keep=True)

    spool.put("A", b"2")
    assert len([name for name in files(tmp_path) if name.startswith("checked/A/")]) == 1


@pytest.mark.parametrize(("code", "expected"), [(errno.ENOSPC, SpoolFull), (errno.EIO, OSError)])
def test_a_failing_disk_leaves_nothing_behind(tmp_path, monkeypatch, code, expected):
    def fail(_):
        raise OSError(code, os.strerror(code))

    spool = Spool(tmp_path)
    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(expected):
        spool.put("A", b"1")
    assert files(tmp_path) == []


def test_it_is_synced_under_another_name_before_it_has_its_own(tmp_path, monkeypatch):
    seen = []
    sync, replace = os.fsync, type(tmp_path).replace
    monkeypatch.setattr(
        os, "fsync", lambda number: (seen.append(str(Path(f"/proc/self/fd/{number}").readlink())), sync(number))
    )
    monkeypatch.setattr(type(tmp_path), "replace", lambda a, b: (seen.append("rename"), replace(a, b)))

    Spool(tmp_path).put("A", b"1")

    assert seen[0].endswith(".partial")
    assert seen[1:] == ["rename", str(tmp_path / "waiting/A")]
