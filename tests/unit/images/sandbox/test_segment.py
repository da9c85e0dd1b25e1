"""The memory that workers hand their pixels over in: copies, and only of what lies there."""

import fcntl
from dataclasses import replace

import numpy as np
import pytest

from cxrgate.core import Failure, GreyImage, Stage
from cxrgate.images.sandbox.segment import Placed, Segment, WritableSegment

IMAGES = [GreyImage(f"image{i}", np.full((30 + i, 20), i, np.uint8), colour=i == 1) for i in range(3)]
FAILURE = Failure("bad", Stage.DECODE, "INVALID_ARGUMENT", "CRC", "expected a checksum that fits")


@pytest.fixture
def segment():
    return Segment(2500)


def of_worker(segment):
    """As it arrives in a worker, which this process is too."""
    made, (_, size) = segment.__reduce__()

    class Duplicate:
        def detach(self):
            return fcntl.fcntl(segment._descriptor, fcntl.F_DUPFD_CLOEXEC, 0)

    assert made is WritableSegment
    return WritableSegment(Duplicate(), size)


def test_images_come_back_in_order_with_failures_between_them(segment):
    answers = of_worker(segment).put([IMAGES[0], FAILURE, *IMAGES[1:]])
    found = [segment.take(answer) for answer in answers]

    assert [type(answer) for answer in answers] == [Placed, Failure, Placed, Placed]
    assert [image.image_id for image in found] == ["image0", "bad", "image1", "image2"]
    assert all(np.array_equal(image.pixels, one.pixels) for image, one in zip(found[2:], IMAGES[1:], strict=True))
    assert [image.colour for image in found[2:]] == [True, False]


def test_an_image_that_finds_no_room_comes_with_its_pixels_and_a_smaller_one_after_it_is_placed(segment):
    large = GreyImage("large", np.ones((50, 50), np.uint8))
    answers = of_worker(segment).put([IMAGES[0], large, IMAGES[1]])

    assert [type(answer) for answer in answers] == [Placed, GreyImage, Placed]
    assert segment.take(answers[1]) is large


def test_what_is_written_later_changes_nothing_that_was_taken(segment):
    worker = of_worker(segment)
    (answer,) = worker.put(IMAGES[1:2])
    found = segment.take(answer)
    worker.put([GreyImage("other", np.full((50, 50), 9, np.uint8))])

    assert np.array_equal(found.pixels, IMAGES[1].pixels)


@pytest.mark.parametrize(
    "place", [{"offset": -1}, {"offset": 2400}, {"height": 0}, {"height": -5, "width": -4}, {"width": 10**9}]
)
def test_a_place_outside_is_refused(segment, place):
    (answer,) = of_worker(segment).put(IMAGES[:1])

    with pytest.raises(ValueError, match=r"segment|buffer|offset"):
        segment.take(replace(answer, **place))


def test_nobody_can_change_its_size(segment):
    with pytest.raises(PermissionError), open(segment._descriptor, "r+b", closefd=False) as file:
        file.truncate(100)
