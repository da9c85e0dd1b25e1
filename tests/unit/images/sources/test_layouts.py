import csv
import gzip
import io

import pytest

from cxrgate.core import UsageError
from cxrgate.images import Layout, list_source

MIMIC = ["dicom_id", "study_id", "subject_id", "split"]
BRAX = ["DicomPath", "PngPath", "PatientID", "PatientSex", "AccessionNumber", "Cardiomegaly", "ViewPosition", "Rows"]
CHEXPERT = ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", "Cardiomegaly"]


def table(header, *rows):
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()


def facts(files):
    return [(file.image_id, file.patient_id, file.label) for file in files]


@pytest.fixture
def mimic(tmp_path):
    rows = [
        ["pa", "50414267", "10000032", "train"],
        ["lateral", "50414267", "10000032", "train"],
        ["ap", "53189527", "10000033", "train"],
        ["unknown", "53911762", "11000034", "train"],
        ["other", "56699142", "10000035", "test"],
    ]
    views = [["pa", "PA"], ["lateral", "LATERAL"], ["ap", "AP"], ["unknown", ""], ["other", "PA"]]
    labels = [["10000032", "50414267", "1.0"], ["10000033", "53189527", "-1.0"], ["11000034", "53911762", "0.0"]]
    (tmp_path / "mimic-cxr-2.0.0-split.csv").write_text(table(MIMIC, *rows))
    (tmp_path / "mimic-cxr-2.0.0-metadata.csv.gz").write_bytes(
        gzip.compress(table(["dicom_id", "ViewPosition"], *views).encode())
    )
    (tmp_path / "mimic-cxr-2.0.0-chexpert.csv").write_text(table(["subject_id", "study_id", "Cardiomegaly"], *labels))
    return tmp_path


def test_mimic_gives_every_training_image_that_is_no_side_view_whatever_its_label(mimic):
    files = list_source(mimic, Layout.MIMIC)

    assert facts(files) == [
        ("files/p10/p10000032/s50414267/pa.jpg", "10000032", "Cardiomegaly"),
        ("files/p10/p10000033/s53189527/ap.jpg", "10000033", ""),
        ("files/p11/p11000034/s53911762/unknown.jpg", "11000034", "No_Cardiomegaly"),
    ]
    assert files[0].path == mimic / files[0].image_id


def test_mimic_without_the_table_of_views_leaves_nothing_out(mimic):
    (mimic / "mimic-cxr-2.0.0-metadata.csv.gz").unlink()

    assert len(list_source(mimic, Layout.MIMIC)) == 4


def test_mimic_takes_splits_from_elsewhere(mimic, tmp_path):
    (mimic / "mimic-cxr-2.0.0-split.csv").rename(tmp_path / "mine.csv")

    assert len(list_source(mimic, Layout.MIMIC, tmp_path / "mine.csv")) == 3
    with pytest.raises(UsageError, match=r"split\.csv"):
        list_source(mimic, Layout.MIMIC)


def test_mimic_id_that_leaves_the_folder_is_refused(mimic):
    path = mimic / "mimic-cxr-2.0.0-split.csv"
    path.write_text(path.read_text().replace("pa,50414267", "../pa,50414267"))

    with pytest.raises(UsageError, match="below it"):
        list_source(mimic, Layout.MIMIC)


@pytest.mark.parametrize("inside", [True, False], ids=["the data set's folder", "the folder above"])
@pytest.mark.parametrize("folder", ["CheXpert-v1.0", "CheXpert-v1.0-small"])
def test_chexpert_gives_every_frontal_image(tmp_path, folder, inside):
    rows = [
        [f"{folder}/train/patient00001/study1/view1_frontal.jpg", "Female", 68, "Frontal", "AP", "1.0"],
        [f"{folder}/train/patient00001/study1/view2_lateral.jpg", "Female", 68, "Lateral", "", "1.0"],
        [f"{folder}/train/patient00002/study2/view1_frontal.jpg", "Male", 40, "Frontal", "PA", ""],
    ]
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "train.csv").write_text(table(CHEXPERT, *rows))
    files = list_source(tmp_path / folder if inside else tmp_path, Layout.CHEXPERT)

    assert facts(files) == [
        ("train/patient00001/study1/view1_frontal.jpg", "patient00001", "Cardiomegaly"),
        ("train/patient00002/study2/view1_frontal.jpg", "patient00002", ""),
    ]
    assert files[0].path == tmp_path / folder / files[0].image_id


def test_two_chexperts_in_one_folder_are_not_guessed_between(tmp_path):
    for folder in ("CheXpert-v1.0", "CheXpert-v1.0-small"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "train.csv").write_text(table(CHEXPERT))

    with pytest.raises(UsageError, match="have 2 tables"):
        list_source(tmp_path, Layout.CHEXPERT)


def brax_row(patient, image, label, view):
    """As published: a folder per patient, study and series below images and below Anonymized_DICOMs."""
    place = f"id_{patient}/Study_{patient}.1/Series_{patient}.2/image-{image}"
    return [f"Anonymized_DICOMs/{place}.dcm", f"images/{place}.png", f"id_{patient}", "F", "9", label, view, "2544"]


BRAX_ROWS = [
    brax_row(1, "a", "1", "PA"),
    brax_row(1, "b", "1", "LL"),
    brax_row(2, "c", "", "AP"),
    brax_row(3, "d", "-1", ""),
]


@pytest.mark.parametrize("folder", ["", "files/brax/1.1.0", "physionet.org/files/brax/1.0.0"])
@pytest.mark.parametrize("beside", [True, False], ids=["spreadsheet in the root", "beside the images"])
def test_brax_gives_every_image_that_is_no_side_view(tmp_path, folder, beside):
    (tmp_path / folder / "images").mkdir(parents=True)
    (tmp_path / ("" if beside else folder) / "master_spreadsheet_update.csv").write_text(table(BRAX, *BRAX_ROWS))
    files = list_source(tmp_path, Layout.BRAX)

    assert facts(files) == [
        (BRAX_ROWS[0][1], "id_1", "Cardiomegaly"),
        (BRAX_ROWS[2][1], "id_2", ""),
        (BRAX_ROWS[3][1], "id_3", ""),
    ]
    assert files[0].path == tmp_path / folder / BRAX_ROWS[0][1]


def test_brax_without_pngs_gives_the_dicoms(tmp_path):
    (tmp_path / "master_spreadsheet.csv").write_text(table(BRAX, *BRAX_ROWS))

    assert [file.path.suffix for file in list_source(tmp_path, Layout.BRAX)] == [".dcm"] * 3


def test_brax_of_version_1_0_has_dicoms_without_an_ending(tmp_path):
    (tmp_path / "master_spreadsheet.csv").write_text(table(BRAX, *BRAX_ROWS))
    bare = tmp_path / BRAX_ROWS[0][0].removesuffix(".dcm")
    bare.parent.mkdir(parents=True)
    bare.write_bytes(b"x")
    first = list_source(tmp_path, Layout.BRAX)[0]

    assert (first.path, first.image_id) == (bare, BRAX_ROWS[0][0])


@pytest.mark.parametrize("layout", [Layout.MIMIC, Layout.BRAX, Layout.CHEXPERT])
def test_folder_of_another_layout_is_a_usage_error(tmp_path, layout):
    (tmp_path / "1.png").write_bytes(b"x")

    with pytest.raises(UsageError, match=r"\.csv"):
        list_source(tmp_path, layout)


def test_splits_are_refused_where_they_mean_nothing(tmp_path):
    (tmp_path / "1.png").write_bytes(b"x")

    with pytest.raises(UsageError, match="mimic alone"):
        list_source(tmp_path, Layout.FOLDER, tmp_path / "splits.csv")


def test_label_that_is_no_number_is_a_usage_error(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "master_spreadsheet.csv").write_text(table(BRAX, brax_row(1, "a", "yes", "PA")))

    with pytest.raises(UsageError, match="'yes'"):
        list_source(tmp_path, Layout.BRAX)
