from pathlib import Path

import pytest
from support.random_snapshots import KEY, write_snapshot

from cxrgate.calibration.patients import choose_patients
from cxrgate.core import UsageError
from cxrgate.images.sources.files import ImageFile
from cxrgate.planted.origins import patient_key
from cxrgate.train import ListedImage, Split, patient_hash


class Model:
    """A manifest that says whom the model saw."""

    def __init__(self, *patients):
        self.provenance = {"patients": {"train": [patient_hash(patient) for patient in patients]}}


def listed_image(name, patient, split=None):
    return ListedImage(ImageFile(Path(name), name, patient_id=patient), patient, "", split)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    """real0 and real1 are of patient0, and so on: 10 references of 5 patients."""
    return write_snapshot(tmp_path_factory.mktemp("store") / "snapshot", count=10)


LISTING = [
    *(listed_image(f"real{number}", f"patient{number // 2}") for number in range(5)),
    listed_image("later", "patient2"),
    *(listed_image(f"new{number}", f"new{number // 2}") for number in range(4)),
]


def names(listed_images):
    return [item.file.image_id for item in listed_images]


def test_each_patient_is_asked_about_once_in_each_part(snapshot):
    found = choose_patients(LISTING, snapshot, KEY, [])

    assert names(found.sources) == ["real0", "real2", "real4"]
    assert names(found.twins) == ["real1", "real3"]
    assert names(found.siblings) == ["later"]
    assert names(found.unenrolled) == ["new0", "new2"]


def test_patients_whom_a_model_saw_and_those_of_other_splits_take_no_part(snapshot):
    trained = [listed_image("tuned", "new9", Split.TUNE)]
    found = choose_patients([*LISTING, *trained], snapshot, KEY, [Model("patient0"), Model("new1")])

    assert names(found.sources) == ["real2", "real4"]
    assert names(found.unenrolled) == ["new0"]
    assert names(found.seen) == ["real0", "real1", "new2", "new3", "tuned"]


def test_only_recorded_patients_take_part_again(snapshot):
    recorded = {patient_key(KEY, listed_image("", patient)) for patient in ("patient1", "new0")}
    found = choose_patients(LISTING, snapshot, KEY, [], recorded)

    assert (names(found.sources), names(found.unenrolled)) == (["real2"], ["new0"])


def test_who_takes_part_is_said(snapshot):
    found = choose_patients(LISTING, snapshot, KEY, [Model("patient0")])

    assert found.sentence.startswith("2 enrolled and 2 unenrolled patients take part; 2 images")


def test_a_listing_of_strangers_alone_is_refused(snapshot):
    with pytest.raises(UsageError, match="0 and 2"):
        choose_patients(LISTING[-4:], snapshot, KEY, [])
