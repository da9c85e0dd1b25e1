"""Whom an audit enrols, and whom it asks about as not enrolled."""

import pytest
from support.evaluation_listings import entries, entry

from cxrgate.audit.parts import divide
from cxrgate.core import UsageError
from cxrgate.train import Split, patient_hash

MANY = entries(*[1, 2, 3] * 60)


class Model:
    """A manifest that says whom the model saw."""

    def __init__(self, *patients):
        self.provenance = {"patients": {"train": [patient_hash(patient) for patient in patients]}}


def patients(samples):
    return {sample.patient_id for sample in samples}


def test_a_patient_has_one_part():
    parts = divide(MANY, [])

    assert patients(parts.enrolled) == patients(parts.sources)
    assert not patients(parts.enrolled) & patients(parts.test)
    assert len(parts.sources + parts.test) == 180
    assert min(len(parts.sources), len(parts.test)) > 60


def test_the_image_that_is_asked_about_is_not_enrolled_and_the_others_of_its_patient_are():
    parts = divide(MANY, [])
    enrolled = {sample.file.image_id for sample in parts.enrolled}
    asked = {sample.file.image_id for sample in parts.siblings}

    assert asked
    assert not asked & enrolled
    assert patients(parts.siblings) < patients(parts.enrolled)
    assert {sample.file.image_id for sample in parts.sources} <= enrolled


def test_patients_that_a_model_saw_are_enrolled_and_nothing_else():
    seen = {f"nih:{number}" for number in range(30)}
    parts = divide(MANY, [Model(*list(seen)[:15]), Model(*list(seen)[15:])])

    assert parts.seen == 30
    assert seen <= patients(parts.enrolled)
    assert not seen & patients(parts.sources + parts.siblings + parts.test)


def test_training_and_tuning_parts_of_the_listing_count_as_seen():
    trained = [entry("a.png", "a", split=Split.TRAIN), entry("b.png", "b", split=Split.TUNE)]
    parts = divide([*MANY, *trained], [])

    assert parts.seen == 2
    assert {"a", "b"} <= patients(parts.enrolled)


def test_the_parts_do_not_depend_on_the_order():
    assert patients(divide(MANY[::-1], []).test) == patients(divide(MANY, []).test)


def test_too_few_patients_are_refused():
    with pytest.raises(UsageError, match="leaves none for"):
        divide(entries(1), [])
