import pickle
from pathlib import Path

import pytest

from cxrgate.images import ImageFile
from cxrgate.images.sources.arrays import ArrayRow
from cxrgate.images.sources.packed import PackedFiles

ROOT = Path("/data/set")
FILES = [
    ImageFile(ROOT / "a/1.png", "a/1.png", "a", "a/1.png"),
    ImageFile(ROOT / "a/\u00e4.png", "a/a\u0308.png", "", ""),
    ImageFile(ROOT / "caf\udce9.png", "caf\\xe9.png"),
    ImageFile(Path("/elsewhere/1.png"), "1.png", 'a "b"', "patient 7", None, (-1.0, 0.1)),
    ImageFile(ROOT / "x.npz", "x.npz/arr_0/000001", row=ArrayRow("arr_0/000001", "arr_0.npy", 192, (64, 64, 3), "<f4")),
]


@pytest.mark.parametrize("root", [ROOT, Path(), Path("/")])
def test_files_are_what_was_packed(root):
    packed = PackedFiles(root, FILES)

    assert list(packed) == FILES
    assert packed[1:4] == FILES[1:4]
    assert packed[::2] == FILES[::2]
    assert (len(packed), packed[-1]) == (5, FILES[-1])
    with pytest.raises(IndexError):
        packed[5]


def test_a_relative_root_is_kept():
    assert list(PackedFiles(Path(), [ImageFile(Path("a.png"), "a.png")])) == [ImageFile(Path("a.png"), "a.png")]


def test_an_image_below_the_root_takes_its_name_and_little_more():
    name = "class/patient/study/image_000001.png"
    packed = PackedFiles(ROOT, [ImageFile(ROOT / name, name, "class", name)] * 1000)

    assert len(pickle.dumps(packed)) < 1000 * (len(name) + 30)
