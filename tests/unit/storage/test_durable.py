import ctypes
import errno
import os
import stat
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from cxrgate.storage import finish_replacement, replaced_folder, whole_file, whole_folder, write_durably


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    write_durably(path, b"new")

    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["file"]


def test_an_error_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    with pytest.raises(ZeroDivisionError), whole_file(path) as partial:
        partial.write_bytes(b"half"[: 1 // 0])

    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_what_names_patients_is_private_from_its_first_byte(tmp_path):
    with whole_file(tmp_path / "file", 0o600) as partial:
        modes = {stat.S_IMODE(partial.stat().st_mode)}
        partial.write_bytes(b"x")
    modes.add(stat.S_IMODE((tmp_path / "file").stat().st_mode))

    assert modes == {0o600}


def test_a_folder_is_there_whole_or_not_at_all(tmp_path):
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "set") as partial:
        (partial / "one").write_bytes(b"1"[: 1 // 0])
    assert names(tmp_path) == []

    with whole_folder(tmp_path / "set") as partial:
        (partial / "one").write_bytes(b"1")
    assert names(tmp_path / "set") == ["one"]


def test_a_folder_with_something_in_it_is_not_written_over(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/one").write_bytes(b"1")

    with pytest.raises(FileExistsError), whole_folder(tmp_path / "set"):
        pass

    assert names(tmp_path / "set") == ["one"]


def test_a_replaced_folder_holds_nothing_of_the_old_one(tmp_path):
    for name in ("one", "two"):
        with replaced_folder(tmp_path / "set") as partial:
            (partial / name).write_bytes(b"1")

    assert names(tmp_path / "set") == ["two"]
    assert names(tmp_path) == ["set"]


def test_an_error_leaves_the_old_folder(tmp_path):
    with replaced_folder(tmp_path / "set") as partial:
        (partial / "one").write_bytes(b"1")
    with pytest.raises(RuntimeError), replaced_folder(tmp_path / "set"):
        raise RuntimeError

    assert names(tmp_path / "set") == ["one"]
    assert names(tmp_path) == ["set"]


@pytest.mark.parametrize("stopped_at", [1, 2])
def test_a_crash_between_the_renames_is_brought_to_its_end(tmp_path, monkeypatch, stopped_at):
    with replaced_folder(tmp_path / "set") as partial:
        (partial / "one").write_bytes(b"1")
    renames = []
    rename = os.rename

    class Crash(BaseException):
        pass

    def crash(source, target):
        renames.append(source)
        if len(renames) == stopped_at:
            raise Crash
        rename(source, target)

    monkeypatch.setattr(os, "rename", crash)
    with pytest.raises(Crash), replaced_folder(tmp_path / "set") as partial:
        (partial / "two").write_bytes(b"2")
    monkeypatch.undo()

    finish_replacement(tmp_path / "set")

    assert names(tmp_path) == ["set"]
    assert names(tmp_path / "set") == (["one"] if stopped_at == 1 else ["two"])


@pytest.mark.parametrize("libc", [ctypes.CDLL(None), object()])
def test_every_file_of_a_folder_is_synced_where_the_file_system_can_be_and_where_not(tmp_path, monkeypatch, libc):
    synced, before = [], os.fsync
    monkeypatch.setattr(ctypes, "CDLL", lambda _, **__: libc)
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(name_of(descriptor)) or before(descriptor))
    with whole_folder(tmp_path / "folder") as partial:
        write_all(partial, "abc")

    assert names(tmp_path / "folder") == ["a", "b", "c"]
    assert sorted(synced[:3]) == ["a", "b", "c"]
    assert synced[3:] == ["folder.partial", tmp_path.name]


@pytest.mark.parametrize(("number", "lost"), [(errno.EIO, True), (errno.ENOSPC, True), (errno.ENOSYS, False)])
def test_what_the_file_system_could_not_write_leaves_no_folder(tmp_path, monkeypatch, number, lost):
    def syncfs(_):
        ctypes.set_errno(number)
        return -1

    monkeypatch.setattr(ctypes, "CDLL", lambda _, **__: SimpleNamespace(syncfs=syncfs))
    with pytest.raises(OSError, match=os.strerror(number)) if lost else nullcontext():  # noqa: SIM117
        with whole_folder(tmp_path / "folder") as partial:
            write_all(partial, "ab")

    assert names(tmp_path) == ([] if lost else ["folder"])


def test_one_file_that_cannot_be_synced_leaves_no_folder(tmp_path, monkeypatch):
    def fsync(descriptor):
        if name_of(descriptor) == "17":
            raise OSError(5, "the disk is broken")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="broken"), whole_folder(tmp_path / "folder") as partial:
        write_all(partial, map(str, range(40)))

    assert names(tmp_path) == []


def name_of(descriptor):
    return Path(f"/proc/self/fd/{descriptor}").readlink().name


def write_all(folder, files):
    for name in files:
        (folder / name).write_bytes(b"x")
