"""What the sender and the operator are told of objects that their header rules out."""

import io
import logging

import pytest
from pydicom import dcmread
from support.bad_dicoms import with_private_elements
from support.dicom_receiver import MARKER, as_file, radiograph

from cxrgate.core import ImageError
from cxrgate.dicom.refusals import COMMENT, CURES, read_allowed, refused_comment
from cxrgate.dicom.trace import digest_of


def refused(caplog, content):
    """The error and what the log says of it."""
    with caplog.at_level(logging.INFO, "cxrgate"), pytest.raises(ImageError) as raised:
        read_allowed("GENERATOR", content)
    (record,) = caplog.records
    assert record.msg == "dicom.image_refused"
    return raised.value, record.args


def test_the_log_has_the_digest_by_which_a_refused_object_is_found(caplog):
    dataset = radiograph(1, NumberOfFrames=2)[0]

    _, told = refused(caplog, as_file(dataset))

    assert told == {"caller": "GENERATOR", "reason": "FRAMES", "instance": digest_of(dataset.SOPInstanceUID)}


def test_the_digest_is_that_of_the_file_meta_group_where_the_header_cannot_be_read(caplog):
    content = with_private_elements(20_000)
    uid = dcmread(io.BytesIO(content), stop_before_pixels=True).file_meta.MediaStorageSOPInstanceUID

    error, told = refused(caplog, content)

    assert (error.reason, told["instance"]) == ("DICOM_STRUCTURE", digest_of(uid))


def test_what_has_no_uid_is_logged_without_a_digest(caplog):
    error, told = refused(caplog, b"text")

    assert told == {"caller": "GENERATOR", "reason": error.reason}


@pytest.mark.parametrize("reason", [*CURES, "A_REASON_OF_LATER_VERSIONS", "X" * 80])
def test_a_comment_begins_with_the_reason_and_fits_its_attribute(reason):
    comment = refused_comment(ImageError(reason, f"Rows is {MARKER}"))

    assert comment.startswith(reason[:COMMENT])
    assert len(comment) <= COMMENT
    assert MARKER not in comment
    assert reason not in CURES or comment.endswith(CURES[reason])
