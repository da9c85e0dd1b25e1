import pytest
from support.fakes import picture

from cxrgate.core import UsageError
from cxrgate.images import Layout
from cxrgate.images.codec.encode import encode_png
from cxrgate.run.found_sets import choose_sets, find_sets

IMAGE = encode_png(picture(1))


def write(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(IMAGE)


def chosen(root):
    real, synthetic = choose_sets(find_sets(root))
    return real and real.path.name, synthetic and synthetic.path.name


def test_folders_are_told_by_their_names(tmp_path):
    write(tmp_path, "originals/1.png", "diffusion_v2/1.png", "diffusion_v2/2.png")

    assert chosen(tmp_path) == ("originals", "diffusion_v2")


def test_a_list_of_patients_goes_before_the_folder_of_its_images(tmp_path):
    write(tmp_path, "images/1.png", "samples/1.png")
    (tmp_path / "patients.csv").write_text("Path;subject_id\nimages/1.png;7\n")
    real, _ = choose_sets(find_sets(tmp_path))

    assert real.path.name == "patients.csv"
    assert real.has_patients
    assert real.columns == {"image": "Path", "patient_id": "subject_id"}


def test_one_other_folder_is_taken_for_the_real_one(tmp_path):
    write(tmp_path, "chest/1.png", "generated/1.png")

    assert chosen(tmp_path) == ("chest", "generated")


def test_what_nothing_tells_apart_is_not_guessed(tmp_path):
    write(tmp_path, "one/1.png")

    assert chosen(tmp_path) == (None, "one")


def test_what_cxrgate_makes_is_no_set(tmp_path):
    write(tmp_path, "out/released/1.png", "snapshot/1.png", "real/1.png", "fakes/1.png")

    assert [each.path.name for each in find_sets(tmp_path)] == ["fakes", "real"]


def test_folders_of_dicom_files_are_told(tmp_path):
    write(tmp_path, "hospital/1.dcm", "hospital/2.dcm")
    (found,) = find_sets(tmp_path)

    assert (found.is_dicom, found.images) == (True, 2)


def test_a_public_data_set_is_told_by_its_table(tmp_path):
    write(tmp_path, "nih/images/00000001_000.png", "generated/1.png")
    header = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position"
    (tmp_path / "nih/Data_Entry_2017.csv").write_text(f"{header}\n00000001_000.png,No Finding,0,1,50,M,PA\n")
    (tmp_path / "nih/train_val_list.txt").write_text("00000001_000.png\n")
    real, synthetic = choose_sets(find_sets(tmp_path))

    assert (real.layout, synthetic.path.name) == (Layout.NIH, "generated")


def test_no_folder_is_said(tmp_path):
    with pytest.raises(UsageError, match="missing"):
        find_sets(tmp_path / "missing")
