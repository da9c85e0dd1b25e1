import pytest
from support.bad_images import dataset, dicom

from cxrgate.core import UsageError
from cxrgate.core.progress import silent
from cxrgate.gate.config import Enrol
from cxrgate.run.enrolment_list import list_enrolment


def write(folder, files):
    folder.mkdir()
    for name, patient in files.items():
        made = dataset()
        if patient is not None:
            made.PatientID = patient
        (folder / name).write_bytes(dicom(made))


def listed(folder, **more):
    settings = Enrol(images=folder, key=folder / "key", reference_map=folder / "map", **more)
    return list_enrolment(settings, 1, silent)


def test_a_folder_of_dicom_files_takes_its_patients_from_the_headers(tmp_path):
    write(tmp_path / "real", {"1.dcm": "007", "2.dcm": "007", "3": " 12 ", "4.DCM": "13"})
    (tmp_path / "real/5.png").write_bytes(b"no DICOM")

    found = listed(tmp_path / "real")

    assert {file.image_id: file.patient_id for file in found.files} == {
        "1.dcm": "007",
        "2.dcm": "007",
        "3": "12",
        "4.DCM": "13",
        "5.png": "5.png",
    }
    assert found.sentences[0] == "5 images of 4 patients are listed"
    assert "4 DICOM files are of 3 patients by their PatientID" in found.sentences


@pytest.mark.parametrize("patient", [None, "", "nan"])
def test_a_file_without_a_patient_among_others_is_refused_but_for_an_explicit_word(tmp_path, patient):
    write(tmp_path / "real", {"1.dcm": "007", "2.dcm": patient})

    with pytest.raises(UsageError, match=r"1 of 2 have none, the first is 2\.dcm"):
        listed(tmp_path / "real")
    assert listed(tmp_path / "real", every_image_is_a_patient=True).patients == 2


def test_where_no_file_has_a_patient_each_counts_as_its_own(tmp_path):
    write(tmp_path / "real", {"1.dcm": None, "2.dcm": None})

    found = listed(tmp_path / "real")

    assert found.patients == 2
    assert "a folder names no patients" in found.notes[0]


def test_a_damaged_file_stops_nothing_and_has_no_patient(tmp_path):
    write(tmp_path / "real", {"1.dcm": "007"})
    (tmp_path / "real/2.dcm").write_bytes((tmp_path / "real/1.dcm").read_bytes()[:150])

    assert listed(tmp_path / "real", every_image_is_a_patient=True).patients == 2
