"""Folders that have a second name: their images are listed once, and the listing says under which name."""

import pytest

from cxrgate.core import UsageError
from cxrgate.images import SourceOptions, list_folder, read_listing
from cxrgate.images.sources.folder import list_told


def listed(folder):
    listing = read_listing(folder, SourceOptions())
    return [file.image_id for file in listing.files], listing.notes


@pytest.fixture
def classes(tmp_path):
    for name in ("a/1.png", "c/2.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("x")
    return tmp_path


def test_a_class_folder_that_is_a_link_to_another_is_told(classes):
    (classes / "b").symlink_to("a")

    assert listed(classes) == (
        ["a/1.png", "c/2.png"],
        ("1 folder was passed over, as it is listed under another name: b is a",),
    )


def test_links_that_lead_back_are_told(classes):
    (classes / "a/loop").symlink_to("..")
    (classes / "c/more").mkdir()
    (classes / "c/more/a").symlink_to(classes / "a")

    assert listed(classes) == (
        ["a/1.png", "c/2.png"],
        ("2 folders were passed over, as they are listed under another name: a/loop is ., c/more/a is a",),
    )


def test_a_link_to_a_folder_elsewhere_is_followed_without_a_word(classes, tmp_path_factory):
    (tmp_path_factory.getbasetemp() / "elsewhere").mkdir()
    (tmp_path_factory.getbasetemp() / "elsewhere/3.png").write_text("x")
    (classes / "b").symlink_to(tmp_path_factory.getbasetemp() / "elsewhere")

    assert listed(classes) == (["a/1.png", "b/3.png", "c/2.png"], ())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (None, "nothing is there"),
        ("real.parquet", "save the table as CSV"),
        ("real.txt", "save the table as CSV"),
        ("real.xlsx", "is an Excel workbook"),
        ("one.png", r"nor a list \(\.csv or \.tsv, plain or \.gz\).* the folder that it lies in"),
    ],
)
def test_what_is_no_source_is_refused_with_what_is_one(tmp_path, name, message):
    path = tmp_path / (name or "none")
    if name:
        path.write_bytes(b"x")

    with pytest.raises(UsageError, match=message):
        list_folder(path)


def test_a_hidden_folder_is_told_as_a_folder(classes):
    (classes / ".cache").mkdir()
    (classes / ".cache/1.png").write_bytes(b"x")

    assert "1 folder was passed over with all that is in it: 1 .cache/" in list_told(classes)[1]
