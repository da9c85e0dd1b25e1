"""Where the real images lie, as the reference map has it."""

from pathlib import Path

import pytest

from cxrgate.filter.opening import read_references


@pytest.mark.parametrize(
    ("image", "path", "told"),
    [
        ("a/one.png", "/real/a/one.png", "/real/a/one.png"),
        ("batch.npz/images/000003", "/real/batch.npz", "/real/batch.npz/images/000003"),
        ("a/batch.NPY/000003", "/real/a/batch.NPY", "/real/a/batch.NPY/000003"),
        ("link.npz/images/000000", "/kept/batch.npz", "/kept/batch.npz/images/000000"),
        ("single.npy", "/real/single.npy", "/real/single.npy"),
        ("odd.npz/one.png", "/real/odd.npz/one.png", "/real/odd.npz/one.png"),
    ],
)
def test_a_row_of_an_array_file_is_named_below_its_file(tmp_path, image, path, told):
    (tmp_path / "map.csv").write_text(f"reference_id,image,path\n00ff,{image},{path}\n")

    assert read_references(tmp_path / "map.csv") == {"00ff": Path(told)}


def test_files_that_are_given_by_name_are_taken_as_they_are(tmp_path):
    (tmp_path / "map.csv").write_text("reference_id,image,path\n00ff,00,/gone/00\n")

    assert read_references(tmp_path / "map.csv", {"00": Path("/mine/a.png")}) == {"00ff": Path("/mine/a.png")}
