"""Whatever an image is held in: the pixels that come of it, and what is refused."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from support.fakes import picture

from cxrgate.core import Failure, ImageError, UsageError
from cxrgate.filter.given import read_given
from cxrgate.images.codec.decode import decode
from cxrgate.images.codec.encode import encode_png

GREY = picture(1)
UNIT = GREY.astype(np.float32) / 255
PNG = encode_png(GREY)


def one(image, value_range=None):
    (given,) = read_given([image], value_range)
    return given


def pixels(given):
    return decode(given.record).pixels


def reason_of(record):
    """Why it is refused, when it is read or decoded."""
    try:
        return record.reason if isinstance(record, Failure) else decode(record)
    except ImageError as error:
        return error.reason


@pytest.mark.parametrize(
    "image",
    [
        PNG,
        bytearray(PNG),
        Image.fromarray(GREY),
        Image.fromarray(GREY).convert("RGBA"),
        GREY,
        np.dstack([GREY] * 3),
        GREY[None],
        GREY[::-1][::-1],
        UNIT,
        UNIT.astype(np.float16).astype(np.float64),
        torch.from_numpy(GREY),
        torch.from_numpy(UNIT)[None, None],
        torch.from_numpy(UNIT).requires_grad_(),
        torch.from_numpy(np.where(GREY < 128, 0, 1)).to(torch.bfloat16),
    ],
    ids=range(14),
)
def test_bytes_pictures_arrays_and_tensors_are_the_same_image(image):
    found = pixels(one(image))

    is_coarse = getattr(image, "dtype", None) == torch.bfloat16
    expected = np.where(GREY < 128, 0, 255) if is_coarse else GREY
    assert np.abs(found.astype(int) - expected).max() <= (1 if getattr(image, "dtype", None) == np.float64 else 0)


def test_a_stated_range_says_what_floats_mean():
    assert (pixels(one(torch.from_numpy(UNIT * 2 - 1), (-1, 1))) == GREY).all()
    assert (pixels(one(UNIT * 255, (0, 255))) == GREY).all()


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (UNIT * 2 - 1, "VALUE_RANGE"),
        (UNIT * 255, "VALUE_RANGE"),
        (np.full((64, 64), np.nan), "NONFINITE"),
        (GREY.astype(np.int64), "MODE_FORBIDDEN"),
        (np.zeros((4, 64, 64), np.uint8), "DIMENSIONS"),
        (np.dstack([GREY, GREY, GREY // 2]), "MODE_FORBIDDEN"),
        (Image.fromarray(GREY.astype(np.uint16)), "MODE_FORBIDDEN"),
        (None, "MODE_FORBIDDEN"),
        (7, "MODE_FORBIDDEN"),
        (Path("/nowhere/image.png"), "FILE_UNREADABLE"),
        (b"", "IMAGE_UNDECODABLE"),
        (PNG[:200], "TRUNCATED"),
    ],
    ids=range(12),
)
def test_what_cannot_be_read_or_has_no_known_range_is_a_failure_and_stays_in_its_place(image, reason):
    given = list(read_given([GREY, image, GREY], None))

    assert len(given) == 3
    assert reason_of(given[1].record) == reason


def test_a_pillow_file_that_is_cut_off_is_a_failure():
    given = one(Image.open(io.BytesIO(PNG[:300])))

    assert given.record.reason == "IMAGE_UNDECODABLE"


def test_names_come_of_paths_keys_and_places(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(PNG)

    assert [given.name for given in read_given([str(path), path, GREY], None)] == [str(path)] * 2 + ["image000002"]
    assert [given.name for given in read_given({"first": GREY, "second": path}, None)] == ["first", "second"]
    assert [given.name for given in read_given(pd.Series([str(path)]), None)] == [str(path)]


def test_a_folder_is_listed_with_its_classes(tmp_path):
    for name in ("sick/b.png", "sick/a.png", "well/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(PNG)
    given = list(read_given(tmp_path, None))

    assert [(item.name, item.label) for item in given] == [
        ("sick/a.png", "sick"),
        ("sick/b.png", "sick"),
        ("well/c.png", "well"),
    ]
    assert [item.record.image_id for item in given] == ["0", "1", "2"]


def test_the_rows_of_one_array_are_images():
    assert len(list(read_given(np.stack([GREY] * 5), None))) == 5
    assert len(list(read_given(torch.zeros(2, 3, 64, 64), None))) == 2


@pytest.mark.parametrize(
    "images",
    [PNG, Image.fromarray(GREY), GREY, GREY[None], np.dstack([GREY] * 3), torch.from_numpy(GREY), 7, None],
    ids=range(8),
)
def test_one_image_in_place_of_several_is_refused(images):
    with pytest.raises(UsageError, match=r"\[image\]"):
        list(read_given(images, None))


def test_images_are_read_as_they_are_asked_for():
    read = []
    given = read_given((read.append(number) or GREY for number in range(10)), None)
    next(given)

    assert read == [0]
