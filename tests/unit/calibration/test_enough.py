"""Too few patients are told before anything is computed, with how many are needed."""

from pathlib import Path

import pytest

from cxrgate.calibration.enough import expect_enough
from cxrgate.calibration.leak_policy import CertifiedPair, LeakPolicy
from cxrgate.calibration.patients import Patients
from cxrgate.core import UsageError
from cxrgate.images.sources.files import ImageFile
from cxrgate.planted.bounds import patients_needed
from cxrgate.train import ListedImage

KEY = bytes(32)


def listed_images(count, name="p"):
    files = [ImageFile(Path(f"{name}{i}"), f"{name}{i}", patient_id=f"{name}{i}") for i in range(count)]
    return [ListedImage(file, file.patient_id, "", None) for file in files]


def policy(*pairs, confidence=0.95):
    made = [CertifiedPair(**{"class": leak}, strength=strength, rate=rate) for leak, strength, rate in pairs]
    return LeakPolicy(certified=tuple(made), confidence=confidence)


COPIES = policy(("identical", "same pixels", 0.09))
NEEDED = patients_needed(0.09, 0.05)


def test_as_many_as_are_needed_without_a_miss_are_enough():
    expect_enough(Patients(sources=listed_images(NEEDED), unenrolled=listed_images(20)), COPIES, KEY)

    with pytest.raises(UsageError, match=rf"identical, same pixels at a rate of 9\.00% takes {NEEDED}, {NEEDED - 1} "):
        expect_enough(Patients(sources=listed_images(NEEDED - 1), unenrolled=listed_images(20)), COPIES, KEY)


def test_every_pair_that_lacks_patients_is_named():
    terms = policy(("identical", "same pixels", 0.01), ("re_encoded", "jpeg 70", 0.09))

    with pytest.raises(UsageError) as raised:
        expect_enough(Patients(sources=listed_images(50), unenrolled=listed_images(20)), terms, KEY)
    assert "identical" in str(raised.value)
    assert "re_encoded" not in str(raised.value)


def test_another_radiograph_takes_patients_who_have_one():
    terms = policy(("same_patient", "another radiograph", 0.09))
    pairs = Patients(
        sources=listed_images(60), twins=listed_images(20), siblings=listed_images(20), unenrolled=listed_images(20)
    )

    expect_enough(pairs, terms, KEY)
    with pytest.raises(UsageError, match="20 take part"):
        expect_enough(
            Patients(sources=listed_images(60), twins=listed_images(20), unenrolled=listed_images(20)), terms, KEY
        )


@pytest.mark.parametrize("count", [0, 1])
def test_false_flags_need_unenrolled_patients_on_both_sides(count):
    with pytest.raises(UsageError, match=f"^{count} patients who are not enrolled"):
        expect_enough(Patients(sources=listed_images(NEEDED), unenrolled=listed_images(count)), COPIES, KEY)
