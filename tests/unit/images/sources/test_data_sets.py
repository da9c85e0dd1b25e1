"""Public data sets in the forms in which they lie on people's disks."""

import gzip

import pytest

from cxrgate.core import UsageError
from cxrgate.images import Layout, PatientRule, SourceOptions, read_listing
from cxrgate.images.sources.data_sets import find_data_sets


def put(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")


def write(path, head, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join([head, *rows]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def listed(root, layout, **more):
    return read_listing(root, SourceOptions(layout=layout, **{"patients": PatientRule.REQUIRED, **more}))


def found(listing):
    assert all(file.path.is_file() for file in listing.files)
    return [(file.image_id, file.patient_id) for file in listing.files]


CHEXPERT = "Path,Sex,Age,Frontal/Lateral,AP/PA,Cardiomegaly"


def chexpert_rows(prefix, split="train"):
    views = (("1", "view1_frontal", "Frontal"), ("1", "view2_lateral", "Lateral"), ("2", "view1_frontal", "Frontal"))
    return [f"{prefix}{split}/patient0000{p}/study1/{view}.jpg,Male,50,{kind},AP,1.0" for p, view, kind in views]


FRONTAL = [(f"train/patient0000{p}/study1/view1_frontal.jpg", f"patient0000{p}") for p in (1, 2)]


@pytest.mark.parametrize("table", ["train.csv", "CheXpert-v1.0 batch 1 (validate & csv)/train.csv"])
def test_chexpert_of_full_size_lies_in_batches(tmp_path, table):
    write(tmp_path / table, CHEXPERT, *chexpert_rows("CheXpert-v1.0/"))
    put(tmp_path / "CheXpert-v1.0 batch 2 (train 1)/patient00001/study1/view1_frontal.jpg")
    put(tmp_path / "CheXpert-v1.0 batch 3 (train 2)/patient00002/study1/view1_frontal.jpg")

    assert found(listed(tmp_path, Layout.CHEXPERT)) == FRONTAL


def test_chexpert_says_what_it_leaves_out_and_takes_views_and_splits(tmp_path):
    write(tmp_path / "train.csv", CHEXPERT, *chexpert_rows("CheXpert-v1.0-small/"))
    write(tmp_path / "valid.csv", CHEXPERT, *chexpert_rows("CheXpert-v1.0-small/", "valid"))

    usual = listed(tmp_path, Layout.CHEXPERT)
    everything = listed(tmp_path, Layout.CHEXPERT, splits=("all",), all_views=True)

    assert usual.left_out == {
        "split valid; list it with `splits`": 3,
        "lateral views; list them with `views: all`": 1,
    }
    assert (len(everything.files), everything.left_out) == (6, {})
    assert "2 images with a lateral view: no model ever saw any" in everything.notes[0]
    assert len(listed(tmp_path, Layout.CHEXPERT, splits=("valid",)).files) == 2
    with pytest.raises(UsageError, match="no split is called test: there are train, valid"):
        listed(tmp_path, Layout.CHEXPERT, splits=("test",))


@pytest.mark.parametrize(("folder", "ending"), [("PNG", ".png"), ("DICOM", ".dcm"), ("", ".png")])
def test_chexpert_plus(tmp_path, folder, ending):
    head = "path_to_image,frontal_lateral,ap_pa,deid_patient_id,patient_report_date_order,split"
    rows = [f"train/patient0000{p}/study1/view1_frontal.jpg,Frontal,AP,patient0000{p},1,train" for p in (1, 2)]
    write(tmp_path / "df_chexpert_plus_240401.csv", head, *rows, "valid/p/s/v.jpg,Frontal,AP,p,1,valid")
    for p in (1, 2):
        put(tmp_path / folder / f"train/patient0000{p}/study1/view1_frontal{ending}")

    listing = listed(tmp_path, Layout.CHEXPERT)

    assert found(listing) == [(name.replace(".jpg", ending), patient) for name, patient in FRONTAL]
    assert listing.left_out == {"split valid; list it with `splits`": 1}


MIMIC = [("a", "50000001", "10000001", "train"), ("b", "50000002", "10000002", "test")]


def mimic(root, prefix="files", ending=".jpg", table="mimic-cxr-2.0.0-split.csv.gz"):
    for dicom, study, subject, _ in MIMIC:
        put(root / prefix / f"p10/p{subject}/s{study}/{dicom}{ending}")
    write(root / table, "dicom_id,study_id,subject_id,split", *(",".join(row) for row in MIMIC))


@pytest.mark.parametrize("ending", [".jpg", ".png", ".dcm"])
@pytest.mark.parametrize("prefix", ["files", ""])
@pytest.mark.parametrize("place", ["", "physionet.org/files/mimic-cxr-jpg/2.1.0"])
def test_mimic_in_every_form(tmp_path, ending, prefix, place):
    mimic(tmp_path / place, prefix, ending)

    listing = listed(tmp_path, Layout.MIMIC)

    name = f"p10/p10000001/s50000001/a{ending}"
    assert found(listing) == [(f"{prefix}/{name}" if prefix else name, "10000001")]
    assert listing.left_out == {"split test; list it with `splits`": 1}
    assert "the views are not known" in listing.notes[0]
    assert len(listed(tmp_path, Layout.MIMIC, splits=("all",)).files) == 2


def test_mimics_dicoms_without_a_table_of_splits_are_listed_where_all_are_asked_for(tmp_path):
    mimic(tmp_path, ending=".dcm", table="unused.csv")
    write(tmp_path / "cxr-record-list.csv.gz", "subject_id,study_id,dicom_id", "10000001,50000001,a")

    assert len(found(listed(tmp_path, Layout.MIMIC, splits=("all",)))) == 1
    with pytest.raises(UsageError, match=r"split\.csv"):
        listed(tmp_path, Layout.MIMIC)


def test_nih_as_it_is_unpacked(tmp_path):
    head = "Image Index,Finding Labels,Follow-up #,Patient ID,OriginalImage[Width,Height],"
    write(tmp_path / "Data_Entry_2017.csv", head, *(f"0000000{i}_000.png,No,0,{i},1,2," for i in range(4)))
    for i in range(4):
        put(tmp_path / f"images_00{1 + i % 2}/images/0000000{i}_000.png")
    (tmp_path / "test_list.txt").write_text("00000003_000.png\n")
    (tmp_path / "train_val_list.txt").write_text("".join(f"0000000{i}_000.png\n" for i in range(3)))

    assert found(listed(tmp_path, Layout.NIH)) == [(f"0000000{i}_000.png", str(i)) for i in range(4)]
    part = listed(tmp_path, Layout.NIH, splits=("train_val",))
    assert (len(part.files), part.left_out) == (3, {"split test; list it with `splits`": 1})


@pytest.mark.parametrize("apart", [True, False], ids=["in folders", "all in one"])
def test_padchest(tmp_path, apart):
    head = ",ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,Projection"
    rows = [f"{i},2168{i}.png,{i},2014,{i},{i}x,{'PA' if i else 'L'}" for i in range(3)]
    write(tmp_path / "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz", head, *rows)
    for i in range(3):
        put(tmp_path / (f"{i}/2168{i}.png" if apart else f"2168{i}.png"))

    listing = listed(tmp_path, Layout.PADCHEST)

    assert found(listing) == [(f"{i}/2168{i}.png" if apart else f"2168{i}.png", f"{i}x") for i in (1, 2)]
    assert listing.left_out == {"lateral views; list them with `views: all`": 1}


def test_vindr_has_no_patients_and_many_rows_for_an_image(tmp_path):
    readers = [f"{image},R{number},0,1" for image in "ab" for number in (8, 9, 10)]  # three read each image
    write(tmp_path / "annotations/image_labels_train.csv", "image_id,rad_id,Cardiomegaly,No finding", *readers)
    write(tmp_path / "annotations/annotations_train.csv", "image_id,rad_id,class_name,x_min", "a,R8,Cardiomegaly,1")
    write(tmp_path / "annotations/image_labels_test.csv", "image_id,Cardiomegaly,No finding", "c,0,1")
    for name in ("train/a.dicom", "train/b.png", "test/c.dicom"):
        put(tmp_path / name)

    with pytest.raises(UsageError, match="VinDr-CXR names no patients"):
        listed(tmp_path, Layout.VINDR)
    listing = listed(tmp_path, Layout.VINDR, patients=PatientRule.EACH_IMAGE)

    assert found(listing) == [("train/a.dicom", "train/a.dicom"), ("train/b.png", "train/b.png")]
    assert listing.left_out == {"split test; list it with `splits`": 1}


def test_vindrs_patients_are_taken_from_the_column_that_is_named(tmp_path):
    write(tmp_path / "annotations/image_labels_train.csv", "image_id,rad_id,whose", "a,R8,7", "b,R8,7")
    for name in ("train/a.dicom", "train/b.dicom"):
        put(tmp_path / name)

    listing = listed(tmp_path, Layout.VINDR, columns={"patient_id": "whose"})

    assert found(listing) == [("train/a.dicom", "7"), ("train/b.dicom", "7")]
    with pytest.raises(UsageError, match="no column who, which `columns` names"):
        listed(tmp_path, Layout.VINDR, columns={"patient_id": "who"})


def test_an_image_without_a_patient_is_refused(tmp_path):
    write(tmp_path / "Data_Entry_2017.csv", "Image Index,Patient ID", "1.png,1", "2.png,")

    with pytest.raises(UsageError, match=r"1 image has no patient, the first is 2\.png"):
        listed(tmp_path, Layout.NIH)


@pytest.mark.parametrize("more", [{"splits": ("train",)}, {"all_views": True}])
def test_splits_and_views_need_a_data_set(tmp_path, more):
    put(tmp_path / "1.png")

    with pytest.raises(UsageError, match="with the layout of a data set"):
        read_listing(tmp_path, SourceOptions(**more))


def nih(root, count=2):
    write(root / "Data_Entry_2017.csv", "Image Index,Patient ID", *(f"{i}.png,{i // 2}" for i in range(count)))
    for i in range(count):
        put(root / f"images_001/images/{i}.png")


def chexpert(root):
    write(root / "train.csv", CHEXPERT, *chexpert_rows("CheXpert-v1.0-small/"))
    for row in chexpert_rows(""):
        put(root / row.split(",")[0])


def padchest(root):
    write(root / "PADCHEST_x.csv.gz", "ImageID,ImageDir,PatientID,Projection", "1.png,0,7,PA", "2.png,0,7,L")
    for i in (1, 2):
        put(root / f"0/{i}.png")


def vindr(root):
    write(root / "annotations/annotations_train.csv", "image_id,rad_id", "a,R8")
    put(root / "train/a.dicom")


def brax(root):
    write(root / "master_spreadsheet_update.csv", "PngPath,PatientID,ViewPosition", "images/a.png,7,PA")
    put(root / "images/a.png")


ROOTS = {
    Layout.MIMIC: mimic,
    Layout.CHEXPERT: chexpert,
    Layout.NIH: nih,
    Layout.PADCHEST: padchest,
    Layout.VINDR: vindr,
    Layout.BRAX: brax,
}
REAL = {"recognise": True, "patients": PatientRule.EACH_IMAGE}


@pytest.mark.parametrize("layout", ROOTS)
def test_a_data_sets_root_is_recognised_and_listed_as_under_its_name(tmp_path, layout):
    ROOTS[layout](tmp_path)

    listing = listed(tmp_path, None, **REAL)
    named = listed(tmp_path, layout, **REAL)

    assert (found(listing), listing.left_out, listing.layout) == (found(named), named.left_out, layout)
    assert f"is listed as the data set {layout} by " in listing.notes[0]
    assert "write `layout: folder` (--layout folder), if it is a plain folder of images" in listing.notes[0]
    assert not any("no table names" in note for note in listing.notes)


@pytest.mark.parametrize("options", [{"layout": Layout.FOLDER, "recognise": True}, {}], ids=["told so", "synthetic"])
def test_a_folder_stays_one_where_it_is_told_so_or_holds_synthetic_images(tmp_path, options):
    chexpert(tmp_path)

    listing = read_listing(tmp_path, SourceOptions(**options))

    assert (len(listing.files), listing.layout) == (3, Layout.FOLDER)


def test_a_folder_with_a_table_of_its_own_is_no_data_set(tmp_path):
    write(tmp_path / "train.csv", "image_id,patient_id", "1,1")
    put(tmp_path / "1.png")

    assert find_data_sets(tmp_path) == {}
    assert listed(tmp_path, None, recognise=True).layout is Layout.FOLDER


def test_a_root_of_two_data_sets_is_refused_with_both_names(tmp_path):
    nih(tmp_path)
    chexpert(tmp_path)

    with pytest.raises(
        UsageError, match=r"chexpert by train\.csv and the data set nih by Data_Entry_2017\.csv: say by"
    ):
        listed(tmp_path, None, **REAL)


def test_a_recognised_data_set_whose_table_is_damaged_is_no_plain_folder(tmp_path):
    nih(tmp_path)
    write(tmp_path / "Data_Entry_2017.csv", "Image Index,Patient ID", "0.png,0,more")

    with pytest.raises(UsageError, match=r"data set nih by .*line 2: 3 fields.* or write `layout: folder`"):
        listed(tmp_path, None, **REAL)


def test_a_table_of_a_data_sets_name_that_cannot_be_read_is_refused(tmp_path):
    put(tmp_path / "1.png")
    (tmp_path / "train.csv").write_bytes(b"\xff\xfeP\0")

    with pytest.raises(UsageError, match=r"train\.csv is UTF-16.* or write `layout: folder`"):
        listed(tmp_path, None, **REAL)


def test_images_beside_a_recognised_data_set_that_it_does_not_name_are_told(tmp_path):
    chexpert(tmp_path / "chexpert-small")
    put(tmp_path / "hospital/1.png")

    listing = listed(tmp_path, None, **REAL)

    assert "holds 4 files that may be images, and chexpert's tables name 3: what no table names" in listing.notes[1]
