import pytest
from support.fakes import picture

from cxrgate.core import GreyImage
from cxrgate.dicom.out_format import OutFormat
from cxrgate.dicom.outbox import Outbox, OutFile


@pytest.mark.parametrize("kind", OutFormat)
def test_equal_pixels_that_came_twice_at_once_are_one_file(tmp_path, kind):
    outbox, image = Outbox(tmp_path, kind), GreyImage("a", picture(1))
    first, second = outbox.prepare(image), outbox.prepare(image)
    prepared = [path.name for path in tmp_path.iterdir()]
    outbox.release(first)
    outbox.release(second)

    assert first == second
    assert prepared == [f"{first.name}.prepared"]
    assert [path.name for path in tmp_path.iterdir()] == [first.name]
    assert outbox.prepared() == set()


def test_what_was_not_prepared_is_not_released(tmp_path):
    with pytest.raises(FileNotFoundError):
        Outbox(tmp_path, OutFormat.DICOM).release(OutFile("2.25.1.dcm", "0" * 64))


def test_a_prepared_file_that_was_changed_is_not_released(tmp_path):
    outbox = Outbox(tmp_path / "released", OutFormat.DICOM, tmp_path / "queue")
    file = outbox.prepare(GreyImage("a", picture(1)))
    (tmp_path / "released" / f"{file.name}.prepared").write_bytes(b"another picture")

    with pytest.raises(OSError, match="not what was written"):
        outbox.release(file)
    assert not (tmp_path / "released" / file.name).exists()
    assert not list((tmp_path / "queue").iterdir())


def test_what_an_older_version_queued_without_a_digest_gets_that_of_the_log(tmp_path):
    outbox = Outbox(tmp_path / "released", OutFormat.DICOM, tmp_path / "queue")
    (tmp_path / "queue" / "1.dcm").write_bytes(b"")
    for name in ("1.dcm", "2.dcm"):
        outbox.requeue(OutFile(name, "a" * 64))
        outbox.requeue(OutFile(name, "b" * 64))

    assert {path.name: path.read_text() for path in (tmp_path / "queue").iterdir()} == {"1.dcm": "a" * 64}
