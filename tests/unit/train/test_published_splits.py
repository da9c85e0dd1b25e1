import pytest

from cxrgate.core import UsageError
from cxrgate.train import Split, read_listed_images
from cxrgate.train.published_splits import SplitImage, read_splits, write_listing

HEADER = (
    ",Unnamed: 0,Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)
PARTS = {
    "train": [("3_000.png", "3"), ("3_001.png", "3")],
    "validation": [("5_000.png", "5")],
    "test": [("7_000.png", "7")],
}


def _write(folder, parts, header=HEADER):
    folder.mkdir(exist_ok=True)
    for name, images in parts.items():
        lines = [
            f"{i},{i},{image},Cardiomegaly|Effusion,{i},{patient},58,M,PA,2682,2749,0.143,0.143"
            for i, (image, patient) in enumerate(images)
        ]
        (folder / f"{name}.csv").write_text("\n".join([header, *lines]) + "\n")
    return folder


def _touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_the_published_columns_are_read_and_validation_becomes_tune(tmp_path):
    assert read_splits(_write(tmp_path, PARTS)) == [
        SplitImage("3_000.png", "3", Split.TRAIN),
        SplitImage("3_001.png", "3", Split.TRAIN),
        SplitImage("5_000.png", "5", Split.TUNE),
        SplitImage("7_000.png", "7", Split.TEST),
    ]


def test_a_patient_in_two_files_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"1 patients .* '3'"):
        read_splits(_write(tmp_path, PARTS | {"test": [("3_002.png", "3")]}))


def test_an_image_that_is_there_twice_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"1 images .*twice.*'3_000\.png'"):
        read_splits(_write(tmp_path, PARTS | {"train": [("3_000.png", "3")] * 2}))


def test_a_missing_file_is_refused(tmp_path):
    _write(tmp_path, PARTS)
    (tmp_path / "validation.csv").unlink()
    with pytest.raises(UsageError, match=r"validation\.csv"):
        read_splits(tmp_path)


def test_a_missing_column_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no column Patient ID"):
        read_splits(_write(tmp_path, PARTS, HEADER.replace("Patient ID", "Patient")))


def test_a_row_without_a_patient_is_refused(tmp_path):
    with pytest.raises(UsageError, match="its image or its patient"):
        read_splits(_write(tmp_path, PARTS | {"test": [("7_000.png", "")]}))


def test_the_listing_names_files_of_any_depth_and_is_read_back(tmp_path):
    splits = read_splits(_write(tmp_path / "splits", PARTS))
    images = _touch(
        tmp_path / "nih/images", "001/3_000.png", "001/3_001.png", "002/5_000.png", "7_000.png", "8_000.png"
    )
    write_listing(splits, images, tmp_path / "nih/listing.csv")
    listed_images = read_listed_images(tmp_path / "nih/listing.csv")
    assert [(s.file.image_id, s.patient_id, s.split) for s in listed_images] == [
        ("images/001/3_000.png", "3", Split.TRAIN),
        ("images/001/3_001.png", "3", Split.TRAIN),
        ("images/002/5_000.png", "5", Split.TUNE),
        ("images/7_000.png", "7", Split.TEST),
    ]
    assert all(listed_image.file.path.is_file() for listed_image in listed_images)


def test_linked_images_are_listed_by_their_own_names(tmp_path):
    _touch(tmp_path / "disk", "3_000.png")
    (tmp_path / "nih").mkdir()
    (tmp_path / "nih/images").symlink_to(tmp_path / "disk")
    (tmp_path / "nih/here").mkdir()
    (tmp_path / "nih/here/3_000.png").symlink_to(tmp_path / "disk/3_000.png")
    write_listing([SplitImage("3_000.png", "3", Split.TEST)], tmp_path / "nih/here", tmp_path / "nih/listing.csv")
    assert read_listed_images(tmp_path / "nih/listing.csv")[0].file.image_id == "here/3_000.png"


@pytest.mark.parametrize("names", [["3_001.png"], ["a/3_000.png", "b/3_000.png"]])
def test_an_image_with_no_file_or_several_is_refused(tmp_path, names):
    folder = _touch(tmp_path / "images", *names)
    with pytest.raises(UsageError, match=r"1 listed images .*'3_000\.png'"):
        write_listing([SplitImage("3_000.png", "3", Split.TEST)], folder, tmp_path / "listing.csv")


def test_a_listing_that_is_not_above_the_images_is_refused(tmp_path):
    folder = _touch(tmp_path / "images", "3_000.png")
    with pytest.raises(UsageError, match="must lie in"):
        write_listing([SplitImage("3_000.png", "3", Split.TEST)], folder, tmp_path / "other/listing.csv")
