import shutil
from pathlib import Path

import pytest

from cxrgate.gate.release import finish_publication, publish, stage


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
    [(Path, "rename", 1, {"a/1.png", "b/2.png"}), (Path, "rename", 2, {"a/1.png"}), (shutil, "rmtree", 3, {"a/1.png"})],
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
    finish_publication(folder)

    assert names(folder) == {*kept, "manifest.json"}
    assert {path.name for path in tmp_path.iterdir()} == {"staged", "released"}
