from pathlib import Path

import pytest

from cxrgate.core import UsageError
from cxrgate.images import ImageFile
from cxrgate.train import ListedImage
from cxrgate.train.scoring.pair_file import NamedPair, find_pairs, read_pairs


def _write(tmp_path, text):
    path = tmp_path / "pairs.txt"
    path.write_bytes(text.encode())
    return path


def _listed_images(*names_and_patients, sources=()):
    sources = sources or [""] * len(names_and_patients)
    return [
        ListedImage(ImageFile(Path(name), name, "", patient), patient, source, None)
        for (name, patient), source in zip(names_and_patients, sources, strict=True)
    ]


def test_a_published_pair_file_is_read(tmp_path):
    path = _write(tmp_path, "00000003_000.png\t00000003_001.png\t1.0\n00000003_000.png\t00000005_000.png\t0.0\n")
    assert read_pairs(path) == [
        NamedPair("00000003_000.png", "00000003_001.png", same=True),
        NamedPair("00000003_000.png", "00000005_000.png", same=False),
    ]


def test_quotes_are_part_of_a_name(tmp_path):
    assert read_pairs(_write(tmp_path, '"a.png\tb".png\t0.0\n')) == [NamedPair('"a.png', 'b".png', same=False)]


@pytest.mark.parametrize(
    "line",
    ["a.png b.png 1.0", "a.png\tb.png", "a.png\tb.png\t1", "a.png\tb.png\t0.5", "\tb.png\t1.0", "a\tb\t1.0\tc", ""],
)
def test_a_line_that_is_no_pair_is_refused_by_number(tmp_path, line):
    with pytest.raises(UsageError, match=r"line 2: .*1\.0 or 0\.0, separated by tabs"):
        read_pairs(_write(tmp_path, f"a.png\tb.png\t1.0\n{line}\n"))


def test_an_image_with_itself_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"line 1: 'a\.png' is paired with itself"):
        read_pairs(_write(tmp_path, "a.png\ta.png\t1.0\n"))


def test_an_empty_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is empty"):
        read_pairs(_write(tmp_path, ""))


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no file of pairs"):
        read_pairs(tmp_path / "none.txt")


LISTED = _listed_images(("x/a.png", "p0"), ("x/b.png", "p0"), ("y/a.png", "p1"), ("y/c.png", "p1"))


def test_images_are_found_by_path_and_by_file_name_where_it_is_unique():
    pairs = [NamedPair("b.png", "x/a.png", same=True), NamedPair("c.png", "b.png", same=False)]
    assert find_pairs(LISTED, pairs).tolist() == [[1, 0], [3, 1]]


@pytest.mark.parametrize("name", ["a.png", "d.png"])
def test_an_image_that_is_not_there_or_not_unique_is_refused(name):
    with pytest.raises(UsageError, match=f"in the listing.*'{name}'"):
        find_pairs(LISTED, [NamedPair("b.png", name, same=True)])


@pytest.mark.parametrize(("second", "same"), [("x/a.png", False), ("c.png", True)])
def test_a_label_that_contradicts_the_patients_is_refused(second, same):
    with pytest.raises(UsageError, match=r"the listing says otherwise: 'b\.png'"):
        find_pairs(LISTED, [NamedPair("b.png", second, same=same)])


def test_a_pair_across_sources_is_refused():
    listed_images = _listed_images(("a.png", "p0"), ("b.png", "p1"), sources=("nih", "mimic"))
    with pytest.raises(UsageError, match=r"two sources: .a\.png. and .b\.png."):
        find_pairs(listed_images, [NamedPair("a.png", "b.png", same=False)])


def test_no_pairs_are_no_rows():
    assert find_pairs(LISTED, []).shape == (0, 2)
