"""What is read of a header where objects are only passed on."""

import pytest
from support.bad_dicoms import (
    UNREADABLE_KINDS,
    as_another_kind,
    nested,
    with_items,
    with_meta_elements,
    with_private_elements,
)
from support.bad_images import little_cost
from support.dicom_receiver import as_file, radiograph

from cxrgate.core import ImageError
from cxrgate.images.codec.dicom import counted
from cxrgate.images.codec.dicom.counted import ELEMENTS, CountedFile
from cxrgate.images.codec.dicom.header import STUDY, check_header, instance_uid, meta_uids, read_header, uid_of

INSTANCE_TAG = (0x0008, 0x0018)


def refusal(content):
    with pytest.raises(ImageError) as caught:
        check_header(read_header(content))
    return caught.value.reason


@pytest.fixture
def files(monkeypatch):
    """The files that are opened, so that what was read of them can be counted."""
    opened = []

    class Noted(CountedFile):
        def __init__(self, content):
            super().__init__(content)
            opened.append(self)

    monkeypatch.setattr(counted, "CountedFile", Noted)
    return opened


def test_of_a_header_is_read_what_is_looked_at():
    dataset = radiograph(1)[0]

    header = read_header(as_file(dataset))

    check_header(header)
    assert (instance_uid(header), uid_of(header, STUDY)) == (dataset.SOPInstanceUID, dataset.StudyInstanceUID)
    assert not {"PatientName", "PatientID", "PixelData"} & set(header.dir())


@pytest.mark.parametrize("made", [with_private_elements, with_items, with_meta_elements])
def test_of_200_000_elements_no_more_are_read_than_the_limit(files, made):
    content = made(200_000)

    assert refusal(content) == "DICOM_STRUCTURE"
    assert max(file.heads for file in files) == ELEMENTS + 1


@pytest.mark.parametrize("made", [with_private_elements, with_items])
def test_memory_does_not_grow_with_the_elements(made):
    content = made(200_000)

    with little_cost(30 * 2**20, 10):
        assert refusal(content) == "DICOM_STRUCTURE"


def test_skipped_elements_take_no_memory():
    content = with_private_elements(ELEMENTS - 100)

    with little_cost(2**19, 10):
        read_header(content)


def test_sequences_nested_too_deeply_are_refused():
    assert refusal(nested(5_000)) == "DICOM_STRUCTURE"


@pytest.mark.parametrize("kind", UNREADABLE_KINDS)
def test_an_object_whose_instance_uid_cannot_be_read_is_refused_and_not_quoted(kind, recwarn, caplog):
    content = as_another_kind(as_file(radiograph(1)[0]), INSTANCE_TAG, kind)

    assert uid_of(read_header(content), "SOPInstanceUID") == ""
    assert refusal(content) == "DICOM_TAGS"
    assert (list(recwarn), caplog.text) == ([], "")


@pytest.mark.parametrize("uid", [None, "", ["1.2", "1.3"]])
def test_an_object_without_one_instance_uid_is_refused(uid):
    header = read_header(as_file(radiograph(1)[0]))
    header.SOPInstanceUID = uid

    with pytest.raises(ImageError, match="SOPInstanceUID"):
        check_header(header)


def test_the_uids_of_the_meta_group_are_read_alone():
    dataset = radiograph(1)[0]
    content = as_file(dataset)

    assert meta_uids(content, (0x00020003, 0x00020100)) == [dataset.SOPInstanceUID, ""]
    assert meta_uids(b"no DICOM", (0x00020003,)) == [""]


def test_a_shape_of_the_presentation_lut_that_contradicts_is_refused_by_the_header_alone():
    assert refusal(as_file(radiograph(1, PresentationLUTShape="INVERSE")[0])) == "DICOM_TAGS"
