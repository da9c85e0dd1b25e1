import pytest
from support.fakes import picture

from cxrgate.core import GreyImage
from cxrgate.dicom.out_format import OutFormat
from cxrgate.dicom.outbox import Outbox


@pytest.mark.parametrize("kind", OutFormat)
def test_equal_pixels_that_came_twice_at_once_are_one_file(tmp_path, kind):
    outbox, image = Outbox(tmp_path, kind), GreyImage("a", picture(1))
    first, second = outbox.prepare(image), outbox.prepare(image)
    prepared = [path.name for path in tmp_path.iterdir()]
    outbox.release(first.name)
    outbox.release(second.name)

    assert first == second
    assert prepared == [f"{first.name}.prepared"]
    assert [path.name for path in tmp_path.iterdir()] == [first.name]
    assert outbox.prepared() == set()


def test_what_was_not_prepared_is_not_released(tmp_path):
    with pytest.raises(FileNotFoundError):
        Outbox(tmp_path, OutFormat.DICOM).release("2.25.1.dcm")
