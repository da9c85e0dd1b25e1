"""A list of which no file is there."""

from pathlib import Path

import pytest

from cxrgate.core import UsageError
from cxrgate.images import ImageFile
from cxrgate.run.missing_files import expect_some_there


def files(folder, *names):
    return [ImageFile(folder / name, name) for name in names]


@pytest.mark.parametrize(
    ("there", "near"),
    [
        ("real/000.PNG", r"There is real/000\.PNG below it"),
        ("000.png", r"There is 000\.png below it"),
        ("deep/er/000.png", r"There is deep/er/000\.png below it"),
        ("real/000.dcm", r"There is real/000\.dcm below it"),
        ("real/000.png.gz", r"There is real/000\.png\.gz below it"),
        ("real/zero.png", "No file below it has a name like that"),
    ],
)
def test_where_nothing_is_there_the_folder_and_a_near_name_are_told(tmp_path, there, near):
    (tmp_path / there).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / there).write_bytes(b"x")

    with pytest.raises(UsageError, match=rf"lists 2 images, .* real/000\.png was looked for in {tmp_path}\. {near}"):
        expect_some_there(tmp_path / "list.csv", files(tmp_path, "real/000.png", "real/001.png"))


def test_where_one_is_there_or_cannot_be_looked_at_nothing_is_said(tmp_path, monkeypatch):
    (tmp_path / "1.png").write_bytes(b"x")
    expect_some_there(tmp_path / "list.csv", files(tmp_path, "0.png", "1.png"))
    expect_some_there(tmp_path / "list.csv", [])

    def forbidden(*_, **__):
        raise PermissionError

    with monkeypatch.context() as patched:
        patched.setattr(Path, "stat", forbidden)
        expect_some_there(Path("list.csv"), files(tmp_path, "0.png"))
