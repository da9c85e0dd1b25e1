"""Directories of TIFFs that two readers would read in two ways are refused."""

import struct

import numpy as np
import pytest
from support.bad_images import SIDE, pixels, ramp, reason
from support.tiffs import (
    BITS,
    BYTE,
    DIRECTORY,
    HEIGHT,
    LONG,
    LONG8,
    PHOTOMETRIC,
    SHORT,
    SIGNED_LONG,
    SIGNED_SHORT,
    WIDTH,
    entries,
    tiff,
)

TYPES = [BYTE, SHORT, LONG, SIGNED_SHORT, SIGNED_LONG, DIRECTORY, LONG8]
ORDERS = pytest.mark.parametrize("order", ["<", ">"])


@ORDERS
@pytest.mark.parametrize("bits", [8, 16])
def test_the_plain_directory_is_read(bits, order):
    assert np.array_equal(pixels(tiff(entries(bits), bits, order)), ramp())


@ORDERS
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(("stated", "stored"), [(8, 16), (16, 8)])
def test_bits_that_are_stated_twice_are_refused(stated, stored, kind, order):
    content = tiff([(BITS, kind, stored), *entries(stated)], max(stated, stored), order)

    assert reason(content) == "IMAGE_UNDECODABLE"


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(("tag", "number"), [(PHOTOMETRIC, 0), (WIDTH, 64), (HEIGHT, 64), (270, 0)])
def test_any_tag_that_stands_there_twice_is_refused(tag, number, kind):
    more = [(tag, SHORT, number)] if tag == 270 else []

    assert reason(tiff([(tag, kind, number), *more, *entries()])) == "IMAGE_UNDECODABLE"


@ORDERS
@pytest.mark.parametrize("kind", [SIGNED_SHORT, SIGNED_LONG, DIRECTORY, LONG8])
@pytest.mark.parametrize("place", range(len(entries())))
def test_a_tag_that_is_looked_at_has_one_of_its_types(place, kind, order):
    directory = entries()
    tag, _, number = directory[place]
    directory[place] = (tag, kind, number)

    assert reason(tiff(directory, order=order)) == "IMAGE_UNDECODABLE"


@pytest.mark.parametrize("kind", [SIGNED_SHORT, SIGNED_LONG, DIRECTORY])
def test_a_format_of_samples_that_is_not_seen_is_refused(kind):
    assert reason(tiff([*entries(16), (339, kind, 2)], 16)) == "IMAGE_UNDECODABLE"


def test_a_tag_without_numbers_is_refused():
    content = bytearray(tiff(entries()))
    place = content.index(struct.pack("<HHI", BITS, SHORT, 1))
    struct.pack_into("<I", content, place + 4, 0)

    assert reason(bytes(content)) == "IMAGE_UNDECODABLE"


@pytest.mark.parametrize("kind", [LONG, DIRECTORY])
def test_another_picture_in_a_directory_below_is_refused(kind):
    assert reason(tiff([*entries(), (330, kind, 8)])) == "FRAMES"


def test_strips_and_tiles_in_one_picture_are_refused():
    tiles = [(322, SHORT, SIDE), (323, SHORT, SIDE), (324, LONG, 8), (325, LONG, SIDE * SIDE)]

    assert reason(tiff([*entries(), *tiles])) == "IMAGE_UNDECODABLE"
