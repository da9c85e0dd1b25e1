"""The picture beside a decision is of the pixels that the decision is about."""

import numpy as np
import pytest
from PIL import Image
from support.fakes import picture

from cxrgate.cli.pictures import FilePictures
from cxrgate.core import GreyImage
from cxrgate.images import ImageFile
from cxrgate.images.codec.decode import decode
from cxrgate.images.codec.shrink import shrink
from cxrgate.run_page.pictures import PictureChanged, judged_uri


class Decoder:
    async def decode(self, records):
        return [decode(record) for record in records]


@pytest.fixture
def shown(tmp_path):
    """The pictures of one file, with a given side."""
    Image.fromarray(picture(1, (400, 300))).save(tmp_path / "a.png")
    (tmp_path / "map.csv").write_text("reference_id,image,path\n00,real.png,real.png\n")
    file = ImageFile(tmp_path / "a.png", "a.png")
    return lambda side=None: FilePictures([file], tmp_path / "map.csv", Decoder(), side=side)


def test_a_file_that_was_exchanged_after_the_run_is_not_shown(tmp_path, shown):
    judged = GreyImage("a.png", picture(1, (400, 300)))
    assert np.array_equal(shown().synthetic("a.png", judged.digest), judged.pixels)

    Image.fromarray(picture(2, (400, 300))).save(tmp_path / "a.png")

    with pytest.raises(PictureChanged, match="put the file back"):
        shown().synthetic("a.png", judged.digest)
    assert judged_uri(shown(), "a.png", judged.digest) == ""


def test_a_larger_image_is_shown_as_it_was_judged(shown):
    judged = shrink(GreyImage("a.png", picture(1, (400, 300))), 256)

    assert shown(256).synthetic("a.png", judged.digest).shape == (256, 192)
    with pytest.raises(PictureChanged):
        shown().synthetic("a.png", judged.digest)
