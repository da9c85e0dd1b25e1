import pytest
from support.fakes import picture

from cxrgate.certification import UNCERTIFIED
from cxrgate.core import GreyImage
from cxrgate.dicom.finished import CHECKED, FinishedImages
from cxrgate.dicom.out_format import OutFormat
from cxrgate.dicom.outbox import Outbox, OutFile
from cxrgate.images.codec.encode import encode_png


@pytest.fixture
def outbox(tmp_path):
    return Outbox(tmp_path / "released", OutFormat.PNG, tmp_path / "queue")


def line(file, **changes):
    """A line of the log on one image, which released this file."""
    about = {"event": CHECKED, "name": "n", "policy_digest": "p", "final": True}
    return {**about, "released_as": file.name, "released_sha256": file.sha256, **changes}


def recalled(outbox, *lines):
    finished = FinishedImages(outbox)
    for each in lines:
        finished.recall(each)
    finished.discard_unrecorded()
    return finished


def test_a_prepared_file_that_was_damaged_before_its_release_leaves_its_image_unfinished(tmp_path, outbox, caplog):
    file = outbox.prepare(GreyImage("a", picture(1)))
    (tmp_path / "released" / f"{file.name}.prepared").write_bytes(encode_png(picture(2)))

    assert not recalled(outbox, line(file)).has("n", "p", certified=False)
    assert not list((tmp_path / "released").iterdir())
    assert "dicom.release_damaged" in caplog.messages


def test_an_image_whose_file_is_there_is_finished_whatever_another_of_its_pixels_left(tmp_path, outbox):
    file = outbox.prepare(GreyImage("a", picture(1)))
    outbox.release(file)
    (tmp_path / "released" / f"{file.name}.prepared").write_bytes(encode_png(picture(2)))

    assert recalled(outbox, line(file)).has("n", "p", certified=True)
    assert outbox.holds(file)


@pytest.mark.parametrize("logged", [True, False])
def test_what_an_older_version_queued_gets_the_digest_that_the_log_has(tmp_path, outbox, logged):
    file = outbox.prepare(GreyImage("a", picture(1)))
    outbox.release(file)
    (tmp_path / "queue" / file.name).write_bytes(b"")

    recalled(outbox, line(file, **({} if logged else {"released_sha256": ""})))

    assert (tmp_path / "queue" / file.name).read_text() == (file.sha256 if logged else "")


@pytest.mark.parametrize(
    ("certifications", "under_none", "under_a_certificate"),
    [
        ([UNCERTIFIED], True, False),
        (["a" * 64], True, True),
        (["a" * 64, UNCERTIFIED], True, True),
        ([None], True, True),  # a line of an older version, which does not say
        ([], False, False),
    ],
)
def test_what_was_judged_without_a_certificate_is_not_finished_where_one_is_in_force(
    outbox, certifications, under_none, under_a_certificate
):
    lines = [line(OutFile("", ""), certification=stated) for stated in certifications if stated]
    lines += [line(OutFile("", "")) for stated in certifications if stated is None]
    finished = recalled(outbox, *lines)

    assert finished.has("n", "p", certified=False) is under_none
    assert finished.has("n", "p", certified=True) is under_a_certificate
