import pytest
from support.fakes import picture

from cxrgate.core import GreyImage
from cxrgate.dicom.out_format import OutFormat
from cxrgate.dicom.outbox import Outbox, OutFile, ReleaseDamaged
from cxrgate.images.codec.encode import encode_png


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
        Outbox(tmp_path, OutFormat.DICOM).release(OutFile("2.25.1.dcm", "0"))


@pytest.mark.parametrize("brought", [False, True])
def test_what_is_not_what_was_prepared_is_neither_released_nor_queued(tmp_path, brought):
    outbox = Outbox(tmp_path / "released", OutFormat.PNG, tmp_path / "queue")
    file = outbox.prepare(GreyImage("a", picture(1)))
    damaged = tmp_path / "released" / (file.name if brought else f"{file.name}.prepared")
    (tmp_path / "released" / f"{file.name}.prepared").rename(damaged)
    damaged.write_bytes(encode_png(picture(2)))

    with pytest.raises(ReleaseDamaged):
        outbox.release(file)
    assert not list((tmp_path / "queue").iterdir())
    assert not outbox.holds(file)

    outbox.release(outbox.prepare(GreyImage("a", picture(1))))
    assert outbox.holds(file)
    assert (tmp_path / "queue" / file.name).read_text() == file.sha256
