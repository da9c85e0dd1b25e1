import gzip
import os

import pytest

from cxrgate.core import UsageError
from cxrgate.images import SourceOptions, list_csv, list_folder, read_listing
from cxrgate.images.sources.tables import read_table


def write(path, content="x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def names(files):
    return [file.image_id for file in files]


def test_first_folder_is_the_class_and_hidden_files_are_left_out(tmp_path):
    for name in ("a/1.png", "b/deep/2.png", "3.png", ".hidden/4.png", "a/.5.png"):
        write(tmp_path / name)

    assert [(file.image_id, file.label) for file in list_folder(tmp_path)] == [
        ("3.png", ""),
        ("a/1.png", "a"),
        ("b/deep/2.png", "b"),
    ]


def test_links_to_folders_are_followed(tmp_path):
    write(tmp_path / "elsewhere/1.png")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/a").symlink_to(tmp_path / "elsewhere")

    assert names(list_folder(tmp_path / "set")) == ["a/1.png"]


@pytest.mark.parametrize("target", [".", ".."], ids=["its own folder", "the root"])
def test_loop_of_links_ends_and_every_image_is_listed_once(tmp_path, target):
    for name in ("a/1.png", "b/2.png"):
        write(tmp_path / name)
    (tmp_path / "a/loop").symlink_to(target)
    (tmp_path / "b/loop").symlink_to(tmp_path / "a")

    assert names(list_folder(tmp_path)) == ["a/1.png", "b/2.png"]


def test_folder_is_listed_under_its_own_name_rather_than_a_links(tmp_path):
    write(tmp_path / "b/1.png")
    (tmp_path / "a").symlink_to("b")

    assert names(list_folder(tmp_path)) == ["b/1.png"]


def test_files_that_no_table_could_tell_apart_are_refused(tmp_path):
    write(tmp_path / "caf\\xe9.png")
    write(tmp_path / "caf\udce9.png")

    with pytest.raises(UsageError, match="rename one of them"):
        list_folder(tmp_path)


def test_folder_that_cannot_be_listed_is_an_error(tmp_path, monkeypatch):
    write(tmp_path / "a/1.png")
    write(tmp_path / "b/2.png")
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("/b"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr("os.scandir", refuse)

    with pytest.raises(UsageError, match="Permission denied"):
        list_folder(tmp_path)


@pytest.mark.parametrize("name", ["/etc/passwd", "../x.png", "a/../../x.png", ""])
def test_image_outside_the_csvs_folder_is_refused(tmp_path, name):
    write(tmp_path / "set.csv", f'image,label\n"{name}",a\n')

    with pytest.raises(UsageError, match="below it"):
        list_csv(tmp_path / "set.csv")


def test_repeated_image_is_refused(tmp_path):
    write(tmp_path / "set.csv", "image\n1.png\n1.png\n")

    with pytest.raises(UsageError, match=r"twice are 1\.png \(lines 2 and 3\)"):
        list_csv(tmp_path / "set.csv")


def test_gzipped_table_is_read(tmp_path):
    (tmp_path / "set.csv.gz").write_bytes(gzip.compress(b"image,patient_id\n1.png,7\n"))

    assert read_table(tmp_path / "set.csv.gz", ("image",)) == [{"image": "1.png", "patient_id": "7"}]


def test_cut_off_gzipped_table_is_a_usage_error(tmp_path):
    content = gzip.compress(b"image\n" + b"".join(b"%d.png\n" % i for i in range(999)))
    (tmp_path / "set.csv.gz").write_bytes(content[: len(content) // 2])

    with pytest.raises(UsageError, match="no CSV file"):
        read_table(tmp_path / "set.csv.gz", ("image",))


def test_what_is_no_image_by_its_name_is_passed_over_and_counted(tmp_path):
    junk = [
        "Thumbs.db",
        "desktop.ini",
        ".DS_Store",
        "._a.png",
        "DICOMDIR",
        "a/labels.csv",
        "README.txt",
        "a/more.CSV",
        "b.csv.GZ",
    ]
    for name in ("a/1.png", "a/noext", "1.2.826.0.1", *junk, "__MACOSX/._1.png", ".hidden/2.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    listing = read_listing(tmp_path, SourceOptions())

    assert names(listing.files) == ["1.2.826.0.1", "a/1.png", "a/noext"]
    files, folders = listing.notes
    assert files == (
        "9 files that are no images by their names were passed over: 2 *.csv, 1 *.csv.gz, 1 *.txt, 1 .DS_Store, "
        "1 DICOMDIR, 1 Thumbs.db, 1 desktop.ini, 1 hidden"
    )
    assert folders == "2 folders were passed over with all that is in them: 1 .hidden/, 1 __MACOSX/"


def test_a_folder_of_nothing_but_texts_says_what_was_passed_over(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"x")

    with pytest.raises(UsageError, match=r"1 \*\.txt"):
        list_folder(tmp_path)
