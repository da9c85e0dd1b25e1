from pathlib import Path

import numpy as np
import pytest
from support.fakes import picture

from cxrgate.cli.given_files import given_files
from cxrgate.core import UsageError
from cxrgate.core.progress import untold
from cxrgate.images.codec.encode import encode_png


@pytest.fixture
def root(tmp_path, monkeypatch):
    for name in ("a/1.png", "a/2.png", "b/1.png", "single.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(encode_png(picture(1)))
    (tmp_path / "list.csv").write_text("image\na/2.png\n")
    np.savez(tmp_path / "rows.npz", np.stack([picture(1)] * 2))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_single_folder_names_its_images(root):
    assert list(given_files([root / "a"], None, untold)) == ["1.png", "2.png"]


def test_beside_others_the_path_comes_before(root):
    found = given_files([Path("a"), Path("b")], None, untold)

    assert list(found) == ["a/1.png", "a/2.png", "b/1.png"]


def test_lists_arrays_and_single_images_go_together(root):
    found = given_files([root / "list.csv", root / "rows.npz", root / "single.png"], None, untold)

    assert [file.path.name for file in found.values()] == ["2.png", "rows.npz", "rows.npz", "single.png"]
    assert len(found) == 4


def test_an_image_is_named_once(root):
    with pytest.raises(UsageError, match="named twice"):
        given_files([root / "a", root / "list.csv"], None, untold)


def test_nothing_there_is_said(root):
    with pytest.raises(UsageError, match="nothing at"):
        given_files([root / "missing"], None, untold)


def test_an_excel_workbook_is_refused_with_the_way_to_save_it(root):
    (root / "list.xlsx").write_bytes(b"PK")

    with pytest.raises(UsageError, match=r"list\.xlsx is an Excel workbook: save it as CSV UTF-8"):
        given_files([Path("list.xlsx")], None, untold)
