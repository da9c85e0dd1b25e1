"""Who may read what is written."""

import asyncio
import os
import stat

import pytest

from cxrgate.hashlog import HashLog
from cxrgate.storage import make_folder, replaced_folder, whole_folder, write_durably


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o022, 0o002, 0o077])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_files_and_folders_are_the_groups_and_no_others_less_the_umask(tmp_path, umask):
    make_folder(tmp_path / "a" / "b")
    write_durably(tmp_path / "a" / "file", b"")
    with whole_folder(tmp_path / "set") as partial:
        (partial / "folder").mkdir()
        (partial / "folder" / "one").write_bytes(b"")

    for path in (tmp_path / "a", tmp_path / "a" / "b", tmp_path / "set"):
        assert mode(path) == 0o750 & ~umask
    assert mode(tmp_path / "a" / "file") == 0o640 & ~umask
    assert not mode(tmp_path / "set" / "folder") & 0o007
    assert not mode(tmp_path / "set" / "folder" / "one") & 0o007


def test_what_is_everybodys_stays_so(tmp_path, umask):
    with replaced_folder(tmp_path / "model", everybodys=True) as partial:
        (partial / "weights").write_bytes(b"")

    assert mode(tmp_path / "model") == 0o777 & ~umask
    assert mode(tmp_path / "model" / "weights") == 0o666 & ~umask


def test_a_folder_that_is_there_stays_as_it_is(tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    make_folder(tmp_path / "open")

    assert mode(tmp_path / "open") == 0o755


def test_a_folder_hands_its_group_down(tmp_path):
    groups = [group for group in os.getgroups() if group != os.getegid()] or ([12345] if os.geteuid() == 0 else [])
    if not groups:
        pytest.skip("this user has one group only")
    os.chown(tmp_path, -1, groups[0])
    tmp_path.chmod(0o2750)
    with whole_folder(tmp_path / "out" / "set") as partial:
        write_durably(partial / "one", b"")

    assert {path.stat().st_gid for path in tmp_path.rglob("*")} == {groups[0]}


def test_the_log_is_the_groups_to_read(tmp_path):
    before = os.umask(0o022)
    try:
        asyncio.run(_open_and_close(tmp_path / "log"))
    finally:
        os.umask(before)

    assert {mode(tmp_path / name) for name in ("log", "log.head")} == {0o640}


async def _open_and_close(path):
    await HashLog(path).close()
