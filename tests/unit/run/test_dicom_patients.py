import errno
import os

import pytest
from support.bad_images import dataset, dicom

from cxrgate.core import Failure, Stage, UsageError
from cxrgate.core.progress import silent
from cxrgate.gate.config import Enrol
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.run.enrolment_list import list_enrolment
from cxrgate.run.host_fault import HostFault


def write(folder, files):
    folder.mkdir()
    for name, patient in files.items():
        made = dataset()
        if patient is not None:
            made.PatientID = patient
        (folder / name).write_bytes(dicom(made))


def listed(folder, **more):
    settings = Enrol(**{"images": folder, "key": folder / "key", "reference_map": folder / "map", **more})
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


def test_a_word_for_nobody_in_the_headers_is_told_and_so_are_spellings(tmp_path):
    write(tmp_path / "real", {"1.dcm": "ANONYMOUS", "2.dcm": "ANONYMOUS", "3.dcm": "P1", "4.dcm": "p1"})

    notes = " ".join(listed(tmp_path / "real").sentences)

    assert "2 of 4 images are of the patient 'ANONYMOUS'" in notes
    assert "'P1' (3.dcm) and 'p1' (4.dcm)" in notes


def test_a_backslash_in_a_header_is_a_part_of_the_id(tmp_path):
    write(tmp_path / "real", {"1.dcm": "A\\B", "2.dcm": "A"})

    assert [file.patient_id for file in listed(tmp_path / "real").files] == ["A\\B", "A"]


@pytest.mark.parametrize("patient", [None, "", "nan"])
def test_a_file_without_a_patient_among_others_is_refused_but_for_an_explicit_word(tmp_path, patient):
    write(tmp_path / "real", {"1.dcm": "007", "2.dcm": patient})

    with pytest.raises(UsageError, match=r"1 of 2 .* the first is 2\.dcm"):
        listed(tmp_path / "real", reference_map=tmp_path / "private/map.csv")
    assert listed(tmp_path / "real", every_image_is_a_patient=True).patients == 2


def test_all_files_without_a_patient_are_named_in_the_file_that_leaves_them_out(tmp_path):
    write(tmp_path / "real", {"1.dcm": "007", "2.dcm": None, "3.dcm": "", "4.dcm": "8"})
    (tmp_path / "mine.txt").write_text("4.dcm\n")
    place, failed = {"reference_map": tmp_path / "private/map.csv"}, tmp_path / "private/failed.txt"

    with pytest.raises(UsageError, match="no PatientID") as caught:
        listed(tmp_path / "real", exclude=tmp_path / "mine.txt", **place)
    assert f"exclude: {failed}" in str(caught.value)
    assert "--exclude" in str(caught.value)
    assert "every_image_is_a_patient: true" in str(caught.value)
    assert [line.split("\t")[0] for line in failed.read_text().splitlines()] == ["4.dcm", "2.dcm", "3.dcm"]

    found = listed(tmp_path / "real", exclude=failed, **place)
    assert [file.image_id for file in found.files] == ["1.dcm"]


def test_where_no_file_has_a_patient_each_counts_as_its_own(tmp_path):
    write(tmp_path / "real", {"1.dcm": None, "2.dcm": None})

    found = listed(tmp_path / "real")

    assert found.patients == 2
    (said,) = [note for note in found.notes if "patient each" in note]  # once, and not in two sentences
    assert said.startswith("2 images of the folder name no patient")
    assert "2 DICOM files have no PatientID that can be read" in found.notes
    assert not any("0 DICOM" in note for note in found.notes)
    assert not any("a folder names no patients" in note for note in found.notes)


def test_a_damaged_file_stops_nothing_and_has_no_patient(tmp_path):
    write(tmp_path / "real", {"1.dcm": "007"})
    (tmp_path / "real/2.dcm").write_bytes((tmp_path / "real/1.dcm").read_bytes()[:150])

    assert listed(tmp_path / "real", every_image_is_a_patient=True).patients == 2


def test_a_file_without_preamble_has_its_patient_in_the_header_too(tmp_path):
    write(tmp_path / "real", {"1.dcm": "007", "2.dcm": "007"})
    content = (tmp_path / "real/2.dcm").read_bytes()
    start = 132 + 12 + int.from_bytes(content[140:144], "little")
    (tmp_path / "real/2.dcm").write_bytes(content[start:])

    assert content[start : start + 2] == b"\x08\x00"
    assert [file.patient_id for file in listed(tmp_path / "real").files] == ["007", "007"]


def test_an_excluded_file_needs_no_patient(tmp_path):
    write(tmp_path / "real", {"1.dcm": "007", "2.dcm": None})
    (tmp_path / "gone.txt").write_text("2.dcm\tDICOM_TAGS: broken\n")

    found = listed(tmp_path / "real", exclude=tmp_path / "gone.txt")

    assert (found.patients, found.excluded) == (1, 1)


def test_a_header_that_the_host_cannot_read_makes_no_patient(tmp_path, monkeypatch):
    write(tmp_path / "real", {"1.dcm": "007", "2.dcm": "007"})
    opened = os.open

    def fails(path, *more, **named):
        if str(path).endswith("2.dcm"):
            raise OSError(errno.EIO, "x")
        return opened(path, *more, **named)

    monkeypatch.setattr(os, "open", fails)

    with pytest.raises(HostFault, match=r"2\.dcm"):
        listed(tmp_path / "real")


def test_a_decoder_that_breaks_makes_no_patient(tmp_path, monkeypatch):
    write(tmp_path / "real", {"1.dcm": "007"})

    async def broken(_self, records):
        return [Failure(record.image_id, Stage.DECODE, "INTERNAL", "DECODER_KILLED", "x") for record in records]

    monkeypatch.setattr(SandboxedDecoder, "decode", broken)

    with pytest.raises(HostFault, match="DECODER_KILLED"):
        listed(tmp_path / "real")
