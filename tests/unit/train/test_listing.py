import hashlib

import pytest
from support.training_sets import write_table

from cxrgate.core import UsageError
from cxrgate.train import Split, patient_hash, read_listed_images, with_splits, without_sources


def _table(tmp_path, *patients_and_splits, source="a"):
    rows = [
        {"image": f"{i}.png", "patient_id": patient, "source": source, "split": split}
        for i, (patient, split) in enumerate(patients_and_splits)
    ]
    return write_table(tmp_path / "listing.csv", rows)


def test_rows_become_samples_with_paths_relative_to_the_listing(tmp_path):
    first, second = read_listed_images(_table(tmp_path, ("p0", "train"), ("p1", "test")))
    assert (first.file.path, first.patient_id, first.source, first.split) == (
        tmp_path / "0.png",
        "p0",
        "a",
        Split.TRAIN,
    )
    assert second.split is Split.TEST


def test_a_patient_in_two_splits_is_refused_by_name(tmp_path):
    with pytest.raises(UsageError, match=r"1 patients .* 'p0'"):
        read_listed_images(_table(tmp_path, ("p0", "train"), ("p1", "train"), ("p0", "test")))


def test_a_patient_with_and_without_a_split_is_refused(tmp_path):
    with pytest.raises(UsageError, match="in several splits"):
        read_listed_images(_table(tmp_path, ("p0", "train"), ("p0", "")))


def test_an_unknown_split_is_refused(tmp_path):
    with pytest.raises(UsageError, match="'valid' is none of train, tune, test"):
        read_listed_images(_table(tmp_path, ("p0", "valid")))


def test_drawn_splits_are_the_same_again_and_part_patients(tmp_path):
    listed_images = read_listed_images(_table(tmp_path, *[(f"p{i // 2}", "") for i in range(800)]))
    drawn = with_splits(listed_images, 7)
    assert drawn == with_splits(listed_images, 7)
    parts = {split: {s.patient_id for s in drawn if s.split is split} for split in Split}
    assert not parts[Split.TRAIN] & parts[Split.TUNE]
    assert not parts[Split.TEST]
    assert 0.12 < len(parts[Split.TUNE]) / 400 < 0.28


def test_another_seed_draws_other_splits(tmp_path):
    listed_images = read_listed_images(_table(tmp_path, *[(f"p{i}", "") for i in range(100)]))
    assert with_splits(listed_images, 1) != with_splits(listed_images, 2)


def test_splits_of_the_listing_stay_and_rows_without_one_are_left_out(tmp_path):
    listed_images = read_listed_images(_table(tmp_path, ("p0", "train"), ("p1", "")))
    assert with_splits(listed_images, 1) == listed_images[:1]


def test_sources_are_left_out_by_name(tmp_path):
    listed_images = read_listed_images(_table(tmp_path, ("p0", "train")))
    assert without_sources(listed_images, ["a"]) == []


def test_an_unknown_source_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"\['b'\]"):
        without_sources(read_listed_images(_table(tmp_path, ("p0", "train"))), ["b"])


def _other(tmp_path, header, *rows):
    (tmp_path / "other.csv").write_text("\n".join([header, *rows]) + "\n")
    return tmp_path / "other.csv"


def test_a_likely_name_of_the_patients_column_is_named_with_the_words_to_write(tmp_path):
    with pytest.raises(UsageError) as raised:
        read_listed_images(_other(tmp_path, "image,subject_id", "0.png,p0"))

    assert "--column patient_id=subject_id" in str(raised.value)
    assert "columns: {patient_id: subject_id}" in str(raised.value)


def test_a_column_of_another_name_is_taken_where_it_is_named(tmp_path):
    path = _other(tmp_path, "image,subject_id,site,part", "0.png,p0,a,train")
    (found,) = read_listed_images(path, {"patient_id": "subject_id", "source": "site", "split": "part"})

    assert (found.patient_id, found.file.patient_id, found.source, found.split) == ("p0", "p0", "a", Split.TRAIN)


def test_a_column_that_a_listing_has_not_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no column views"):
        read_listed_images(_other(tmp_path, "image,patient_id", "0.png,p0"), {"views": "x"})


def test_another_spelling_is_taken_and_said_with_the_numbers(tmp_path):
    told = []
    (first, _) = read_listed_images(_other(tmp_path, "image,PatientID", "0.png,p0", "1.png,p0"), tell=told.append)

    assert first.patient_id == "p0"
    assert told == ["other.csv: the column PatientID is taken as patient_id", "other.csv: 2 images of 1 patient"]


@pytest.mark.parametrize("none", ["", "nan", "None", "NULL", "NA"])
def test_a_row_without_a_patient_is_refused_with_its_line(tmp_path, none):
    with pytest.raises(UsageError, match="lines 3"):
        read_listed_images(_other(tmp_path, "image,patient_id", "0.png,p0", f"1.png,{none}"))


def test_a_patient_is_hashed_by_sha256_to_16_digits():
    assert patient_hash("patient 1") == hashlib.sha256(b"patient 1").hexdigest()[:16]
