import json
import os
import shutil
from pathlib import Path

import pytest

from cxrgate.run.release import ReleaseChanged, is_staged, publish, stage
from cxrgate.storage import finish_replacement


class Killed(Exception):
    pass


def killed_at(monkeypatch, name, call, owner):
    """Let the call of that number (from 1) end the process, so to speak."""
    original, calls = getattr(owner, name), []

    def counted(*arguments, **options):
        calls.append(arguments)
        if len(calls) == call:
            raise Killed
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, counted)


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("owner", "name", "call", "kept"),
    [(Path, "rename", 1, {"a/1.png", "b/2.png"}), (Path, "rename", 2, {"a/1.png"}), (shutil, "rmtree", 1, {"a/1.png"})],
    ids=["before", "between the renames", "before the old one is removed"],
)
def test_publication_that_was_interrupted_leaves_one_whole_set(tmp_path, monkeypatch, owner, name, call, kept):
    folder = tmp_path / "released"
    files = {item: stage(tmp_path / "staged", item, item.encode()) for item in ("a/1.png", "b/2.png")}
    publish(tmp_path / "staged", folder, files, {})
    with monkeypatch.context() as patched:
        killed_at(patched, name, call, owner)
        with pytest.raises(Killed):
            publish(folder, folder, {"a/1.png": files["a/1.png"]}, {})
    finish_replacement(folder)

    assert names(folder) == {*kept, "manifest.json"}
    assert {path.name for path in tmp_path.iterdir()} == {"staged", "released"}


def test_a_staged_file_that_became_a_link_to_an_equal_one_is_staged_no_more(tmp_path):
    files = {"1.png": stage(tmp_path / "staged", "1.png", b"1")}
    assert is_staged(tmp_path / "staged", files)
    (tmp_path / "staged/1.png").rename(tmp_path / "equal.png")
    (tmp_path / "staged/1.png").symlink_to(tmp_path / "equal.png")
    assert not is_staged(tmp_path / "staged", files)

    stage(tmp_path / "staged", "1.png", b"1")
    publish(tmp_path / "staged", tmp_path / "released", files, {})
    assert not (tmp_path / "released/1.png").is_symlink()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_manifest_is_written_as_json_writes_it_whole(tmp_path, count):
    files = {name: stage(tmp_path / "staged", name, b"x") for name in ("b/\u00e4.png", 'a "1".png', "B.png")[:count]}
    about = {"policy": "\u00fc", "decisions": {"ANONYMOUS": count}}
    publish(tmp_path / "staged", tmp_path / "released", files, about)

    whole = json.dumps({**about, "files": dict(sorted(files.items()))}, indent=2, ensure_ascii=False)
    assert (tmp_path / "released/manifest.json").read_text() == f"{whole}\n"


def test_staging_anew_does_not_reach_into_what_is_released(tmp_path):
    files = {"1.png": stage(tmp_path / "staged", "1.png", b"checked")}
    publish(tmp_path / "staged", tmp_path / "released", files, {})

    stage(tmp_path / "staged", "1.png", b"of another run, not published")

    assert (tmp_path / "released/1.png").read_bytes() == b"checked"


def test_an_old_set_that_cannot_be_removed_is_an_error(tmp_path, monkeypatch):
    folder = tmp_path / "released"
    files = {name: stage(tmp_path / "staged", name, name.encode()) for name in ("1.png", "2.png")}
    publish(tmp_path / "staged", folder, files, {})

    def refuse(path, **_):
        raise PermissionError(path)

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(PermissionError):
        publish(folder, folder, {"1.png": files["1.png"]}, {})

    assert names(folder) == {"1.png", "manifest.json"}


def in_place(path):
    path.write_bytes(b"another image")


def by_a_link(path):
    path.unlink()
    path.symlink_to("elsewhere.png")
    path.with_name("elsewhere.png").write_bytes(b"1.png")


@pytest.mark.parametrize("change", [in_place, by_a_link, Path.unlink], ids=["in place", "by a link", "gone"])
def test_a_staged_file_that_was_changed_is_not_published(tmp_path, change):
    files = {name: stage(tmp_path / "staged", name, name.encode()) for name in ("1.png", "2.png")}
    change(tmp_path / "staged/1.png")

    with pytest.raises(ReleaseChanged, match=r"1\.png"):
        publish(tmp_path / "staged", tmp_path / "released", files, {})

    assert not (tmp_path / "released").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"staged"}


def test_a_batch_is_staged_only_where_each_of_its_files_lies_there_unchanged(tmp_path):
    files = {name: stage(tmp_path, name, name.encode()) for name in ("a.png", "b/2.png")}

    assert is_staged(tmp_path, {})
    assert is_staged(tmp_path, files)
    (tmp_path / "a.png").write_bytes(b"other")
    assert not is_staged(tmp_path, files)
    (tmp_path / "a.png").unlink()
    assert not is_staged(tmp_path, files)
    (tmp_path / "a.png").mkdir()
    assert not is_staged(tmp_path, files)


def test_files_lie_in_folders_of_folders_several_in_one(tmp_path):
    files = {name: stage(tmp_path / "staged", name, b"x") for name in ("a/b/1.png", "a/b/2.png", "c.png")}
    publish(tmp_path / "staged", tmp_path / "released", files, {})

    assert names(tmp_path / "released") == {*files, "manifest.json"}
