import pytest
from support.fakes import picture

from cxrgate.core import GreyImage
from cxrgate.dicom.finished import CHECKED, FinishedImages
from cxrgate.dicom.out_format import OutFormat
from cxrgate.dicom.outbox import Outbox
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

    assert not recalled(outbox, line(file)).has("n", "p")
    assert not list((tmp_path / "released").iterdir())
    assert "dicom.release_damaged" in caplog.messages


def test_an_image_whose_file_is_there_is_finished_whatever_another_of_its_pixels_left(tmp_path, outbox):
    file = outbox.prepare(GreyImage("a", picture(1)))
    outbox.release(file)
    (tmp_path / "released" / f"{file.name}.prepared").write_bytes(encode_png(picture(2)))

    assert recalled(outbox, line(file)).has("n", "p")
    assert outbox.holds(file)


@pytest.mark.parametrize("logged", [True, False])
def test_what_an_older_version_queued_gets_the_digest_that_the_log_has(tmp_path, outbox, logged):
    file = outbox.prepare(GreyImage("a", picture(1)))
    outbox.release(file)
    (tmp_path / "queue" / file.name).write_bytes(b"")

    recalled(outbox, line(file, **({} if logged else {"released_sha256": ""})))

    assert (tmp_path / "queue" / file.name).read_text() == (file.sha256 if logged else "")
