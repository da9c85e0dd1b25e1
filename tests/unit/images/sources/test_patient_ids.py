"""One person in two spellings, and one word for many persons."""

import unicodedata
from pathlib import Path

import pytest

from cxrgate.images import ImageFile
from cxrgate.images.sources.csv_list import is_patient
from cxrgate.images.sources.patient_ids import notes_on_patients, other_spellings, plain_id, with_one_form


def files(*patients):
    return [ImageFile(Path(f"{i}.png"), f"{i}.png", "", patient) for i, patient in enumerate(patients)]


@pytest.mark.parametrize(
    "ids",
    [
        ("7", "7.0", "007"),
        ("P1", "p1", "P1.0", "P 1", "P-1", "P_1", "P001", "P1\u200b", "\uff30\uff11", "P1\u00a0"),
        ("M\u00fcller", "Mu\u0308ller", "M\u00dcLLER"),
    ],
)
def test_spellings_of_one_id_are_told_with_the_first_two_and_their_images(ids):
    (note,) = notes_on_patients(files(*ids, "other", "another"))

    assert len({plain_id(one) for one in ids}) == 1
    assert note.startswith(f"{len(ids)} patient ids differ from another one")
    assert f"{ids[0]!r} (0.png) and {ids[1]!r} (1.png)" in note


@pytest.mark.parametrize(
    "ids",
    [("1-12", "11-2", "112"), ("1.5", "1.05"), ("1.2.840", "1.2.840.0"), ("10", "1"), ("P1", "P10"), ("0", "0a")],
)
def test_ids_of_different_numbers_are_no_spellings_of_one(ids):
    assert notes_on_patients(files(*ids)) == ()


def test_images_that_are_their_own_patients_are_no_spellings():
    alone = [ImageFile(Path(name), name, "", name) for name in ("1.png", "01.png", "1.PNG")]

    assert notes_on_patients(alone) == ()
    assert with_one_form(alone) is alone


def test_ids_that_unicode_calls_equal_are_one_patient_and_written_as_the_first_one():
    composed, apart = (unicodedata.normalize(form, "M\u00fcller") for form in ("NFC", "NFD"))
    listed = files(apart, composed, "Meier", apart)

    assert [file.patient_id for file in with_one_form(listed)] == [apart, apart, "Meier", apart]
    assert with_one_form(listed[2:]) == listed[2:]


@pytest.mark.parametrize("patient", ["ANONYMOUS", "anonymized", "Unknown", "-", ".", "?", "missing"])
def test_a_word_that_stands_for_nobody_is_told_where_several_images_have_it(patient):
    (note,) = notes_on_patients(files("a", patient, "b", patient, "c", "d"))

    assert note.startswith(f"2 of 6 images are of the patient {patient!r}")
    assert notes_on_patients(files("a", patient, "b")) == ()


def test_one_patient_with_more_than_half_of_the_images_is_told():
    (note,) = notes_on_patients(files(*["7"] * 10, *"abcdefghi"))

    assert note.startswith("10 of 19 images are of the patient '7'")
    assert notes_on_patients(files(*["7"] * 10, *"abcdefghij")) == ()
    assert notes_on_patients(files(*["7"] * 9)) == ()


@pytest.mark.parametrize("word", ["#N/A", "#NV", "NaT", "\\N", "(null)", "nil", "N.A.", " n.a. ", "nan", ""])
def test_what_programs_write_for_no_value_is_no_patient(word):
    assert not is_patient(word)
    assert is_patient("Nathan")


def test_other_spellings_of_an_id_are_those_that_may_be_enrolled():
    assert {"p1", "P1.0", "P 1", "P-1", "P_1", "P001", "p 01"} <= other_spellings("P1")
    assert {"7.0", "007", "00007"} <= other_spellings("7")
    assert {"M\u00dcLLER", "m\u00fcller"} <= other_spellings("M\u00fcller")
    assert not {"P1", "P2", "P10"} & other_spellings("P1")
    assert other_spellings("Mu\u0308ller").isdisjoint({"M\u00fcller", "Mu\u0308ller"})
