"""From an object to the digest by which it is found again."""

import pytest
from support.bad_dicoms import UNREADABLE_KINDS, as_another_kind
from support.dicom_receiver import as_file, radiograph

from cxrgate.core import ImageError
from cxrgate.dicom.spool import Spool
from cxrgate.dicom.trace import digest_of, instance_at, instance_of, waits


def test_an_object_is_found_by_the_digest_of_its_uid():
    dataset = radiograph(1)[0]

    assert instance_of(as_file(dataset)) == digest_of(dataset.SOPInstanceUID)


@pytest.mark.parametrize("kind", UNREADABLE_KINDS)
def test_objects_whose_uid_cannot_be_read_keep_no_other_from_being_found(tmp_path, kind):
    good, bad = (radiograph(number)[0] for number in (1, 2))
    content = as_another_kind(as_file(bad), (0x0008, 0x0018), kind)
    spool = Spool(tmp_path)
    name = spool.put("GENERATOR", content)
    spool.put("GENERATOR", as_file(good))

    assert (waits(tmp_path, str(good.SOPInstanceUID)), waits(tmp_path, "1.2.3")) == (True, False)
    assert instance_at(tmp_path / "waiting" / "GENERATOR" / f"{name}.dcm") == ""
    with pytest.raises(ImageError, match="SOPInstanceUID"):
        instance_of(content)


def test_what_has_left_the_spool_has_no_digest(tmp_path):
    assert instance_at(tmp_path / "gone.dcm") == ""
