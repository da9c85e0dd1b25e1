import csv
import io
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from support.image_sets import tree

from cxrgate.core import GreyImage, ImageError, ImageRecord
from cxrgate.demo.dataset import Extent, read_planted, write_dataset
from cxrgate.demo.planting import PlantedKind
from cxrgate.images import list_csv, list_folder
from cxrgate.images.codec.decode import decode
from cxrgate.images.descriptors import weight_free

SMALL = Extent(patients=6, others=8, views=3, copies=2, side=128)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "data"
    write_dataset(folder, 1, SMALL)
    return folder


@pytest.fixture(scope="module")
def pairs(folder):
    """Per kind the planted files and the real ones that they were made of, as bytes."""
    found = {kind: [] for kind in PlantedKind}
    with (folder / "planted.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            planted, real = folder / "synthetic" / row["image"], folder / row["source"]
            found[PlantedKind(row["kind"])].append((planted.read_bytes(), real.read_bytes()))
    return found


def pixels(content):
    return decode(ImageRecord("image", content)).pixels


def similarity(first, second):
    return float(weight_free(pixels(first))[0] @ weight_free(pixels(second))[0])


def test_equal_seeds_give_equal_bytes(folder, tmp_path):
    write_dataset(tmp_path / "again", 1, SMALL)
    write_dataset(tmp_path / "other", 2, SMALL)

    assert tree(tmp_path / "again") == tree(folder)
    assert tree(tmp_path / "other") != tree(folder)


def test_real_set_has_several_images_of_each_patient(folder):
    files = list_csv(folder / "real.csv")
    counts = Counter(file.patient_id for file in files)

    assert len(counts) == SMALL.patients
    assert set(counts.values()) <= {2, 3, 4}
    assert all(isinstance(decode(file.read()), GreyImage) for file in files)


def test_synthetic_set_has_class_folders_and_the_counts_asked_for(folder):
    files = list_folder(folder / "synthetic")

    assert {file.label for file in files} == {"Cardiomegaly", "No_Cardiomegaly"}
    assert len(files) == SMALL.others + SMALL.views + SMALL.copies * (len(PlantedKind) - 1)


def test_every_kind_is_planted_as_often_as_asked_for(folder):
    counts = Counter(read_planted(folder).values())

    assert counts == {kind: SMALL.views if kind is PlantedKind.SAME_PATIENT else SMALL.copies for kind in PlantedKind}


def test_nothing_below_the_synthetic_set_says_what_was_planted(folder):
    names = sorted(file.path.stem for file in list_folder(folder / "synthetic"))

    assert names == [f"{number:04}" for number in range(1, len(names) + 1)]


def test_identical_copies_are_identical(pairs):
    assert all(planted == real for planted, real in pairs[PlantedKind.IDENTICAL])


def test_reencoded_copies_are_jpeg_of_the_same_picture(pairs):
    for planted, real in pairs[PlantedKind.REENCODED]:
        assert Image.open(io.BytesIO(planted)).format == "JPEG"
        assert not np.array_equal(pixels(planted), pixels(real))
        assert similarity(planted, real) > 0.95


def test_rescaled_copies_have_another_size(pairs):
    for planted, real in pairs[PlantedKind.RESCALED]:
        assert pixels(planted).shape != pixels(real).shape
        assert similarity(planted, real) > 0.95


def test_edited_copies_are_other_pixels_of_a_similar_picture(pairs):
    for planted, real in pairs[PlantedKind.EDITED]:
        assert planted != real
        assert similarity(planted, real) > 0.5


def test_other_radiographs_of_a_patient_are_none_of_the_enrolled_ones(folder, pairs):
    enrolled = {file.read().content for file in list_csv(folder / "real.csv")}

    assert not enrolled & {planted for planted, _ in pairs[PlantedKind.SAME_PATIENT]}


def test_inverted_copies_are_inverted(pairs):
    assert all(np.array_equal(pixels(planted), 255 - pixels(real)) for planted, real in pairs[PlantedKind.INVERTED])


def test_broken_files_cannot_be_decoded(pairs):
    for planted, _ in pairs[PlantedKind.BROKEN]:
        with pytest.raises(ImageError):
            pixels(planted)


def test_interrupted_drawing_leaves_no_data_set(tmp_path, monkeypatch):
    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr("cxrgate.demo.dataset._write_table", full)
    with pytest.raises(OSError, match="no space"):
        write_dataset(tmp_path / "data", 1, SMALL)

    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("wrong", [{"patients": 0}, {"others": 0}, {"views": 0}, {"copies": 0}, {"side": 127}])
def test_an_extent_of_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match="expected at least one"):
        Extent(**wrong)
