"""Unusual raster files that are read, each in one certain way, and of which nothing but the pixels is released."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from support.bad_images import (
    SIDE,
    SIGNATURE,
    chunk,
    grey,
    header,
    jpeg,
    little_cost,
    pixels,
    png,
    ramp,
    reason,
    saved,
    segment,
    zipped,
)
from support.tiffs import entries, tiff

from cxrgate.core import ImageRecord, MediaType
from cxrgate.images.codec import raster
from cxrgate.images.codec.decode import decode
from cxrgate.images.codec.encode import encode_png
from cxrgate.images.codec.png import check_png

RAW = b"".join(b"\0" + row.tobytes() for row in ramp())
DEFLATED = zlib.compress(RAW)


def test_b12_pixels_that_inflate_to_much_more_are_read_up_to_the_last_row():
    raw = b"".join(b"\0" + row.tobytes() for row in ramp())
    deflater = zlib.compressobj(9)
    data = deflater.compress(raw) + deflater.compress(bytes(200 * 2**20)) + deflater.flush()

    with little_cost(50 * 2**20, 0.5):
        assert np.array_equal(pixels(png(data=data)), ramp())


def test_b24_channels_that_differ_by_8_levels_are_joined_and_this_is_recorded():
    noise = np.random.default_rng(0).integers(-4, 5, (SIDE, SIDE, 3))
    channels = np.clip(ramp()[..., None] + noise, 0, 255).astype(np.uint8)
    found = decode(ImageRecord("a", saved(Image.fromarray(channels), "PNG")))

    assert found.colour
    assert np.abs(found.pixels - channels @ [0.299, 0.587, 0.114]).max() <= 0.501


@pytest.mark.parametrize("media", ["PNG", "JPEG"])
def test_b24_equal_channels_are_grey(media):
    content = saved(grey("RGB"), media)
    found = decode(ImageRecord("a", content))

    assert not found.colour
    assert np.array_equal(found.pixels, np.asarray(Image.open(io.BytesIO(content)))[..., 0])


def test_b24_one_coloured_pixel_counts():
    image = grey("RGB")
    image.putpixel((0, 0), (1, 0, 0))

    assert decode(ImageRecord("a", saved(image, "PNG"))).colour


PNGS = {
    **{mode: saved(grey("L").convert(mode), "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA")},
    "in pieces": png(data=b"").replace(
        chunk(b"IDAT"), b"".join(chunk(b"IDAT", b) for b in (DEFLATED[:9], DEFLATED[9:]))
    ),
    "with text": png(before=chunk(b"tEXt", b"a\0b"), after=chunk(b"tIME", bytes(7))),
}


@pytest.mark.parametrize("content", PNGS.values(), ids=PNGS)
def test_pillow_reads_the_same_from_rows_that_are_not_deflated(content):
    found = check_png(content)

    assert zlib.decompressobj().decompress(found.content[found.content.index(b"IDAT") + 4 :]) == found.data
    with Image.open(io.BytesIO(content)) as given, Image.open(io.BytesIO(found.content)) as stored:
        assert (given.mode, given.info) == (stored.mode, stored.info)
        assert np.array_equal(np.asarray(given.convert("RGBA")), np.asarray(stored.convert("RGBA")))


ODD = {
    "parted by text": png(data=b"").replace(
        chunk(b"IDAT"), chunk(b"IDAT", DEFLATED[:9]) + chunk(b"tEXt", b"a\0b") + chunk(b"IDAT", DEFLATED[9:])
    ),
    "more rows": png(data=zlib.compress(RAW + bytes(10))),
}


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
def test_a_png_with_odd_pixel_data_is_left_to_pillow_as_it_is(content):
    assert check_png(content).content is content


def interlaced():
    """The ramp in the seven passes of a PNG."""
    steps = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    raw = b"".join(b"\0" + row.tobytes() for top, left, down, right in steps for row in ramp()[top::down, left::right])
    return raw, lambda data: SIGNATURE + header(SIDE, SIDE, interlace=1) + chunk(b"IDAT", data) + chunk(b"IEND")


def test_interlaced_png_is_read():
    raw, file = interlaced()

    assert np.array_equal(pixels(file(zlib.compress(raw))), ramp())


def test_interlaced_png_without_its_last_row_is_refused():
    raw, file = interlaced()

    assert reason(file(zlib.compress(raw[:-1]))) == "TRUNCATED"


def test_b33_thumbnail_and_comments_are_not_released():
    thumbnail = saved(Image.new("L", (SIDE, SIDE), 3), "JPEG", comment=b"other patient")
    content = jpeg()
    content = content[:2] + segment(0xE1, b"Exif\0\0") + segment(0xE1, b"http://ns\0" + thumbnail) + content[2:]
    released = encode_png(pixels(content))

    assert np.array_equal(pixels(content), pixels(jpeg()))
    assert b"other patient" not in released


@pytest.mark.parametrize(
    "content",
    [jpeg() + zipped(), png() + zipped(), png(before=chunk(b"tEXt", b"a\0" + jpeg()))],
    ids=["B34 JPEG and ZIP", "B34 PNG and ZIP", "B34 JPEG in a PNG"],
)
def test_what_else_is_in_the_file_is_not_released(content):
    released = encode_png(pixels(content))

    assert b"PK" not in released
    assert b"JFIF" not in released
    assert released.endswith(chunk(b"IEND"))


@pytest.mark.parametrize(
    "options",
    [{"progressive": True}, {"quality": 1}, {"quality": 100}, {"optimize": True}, {"restart_marker_blocks": 1}],
    ids=lambda options: f"B35 {options}",
)
def test_ordinary_jpegs_are_read(options):
    content = jpeg(**options)

    assert np.array_equal(pixels(content), np.asarray(Image.open(io.BytesIO(content))))


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((64, 64)),
        np.full((64, 64), 255),
        np.full((64, 64), 128),
        255 - ramp(),
        np.random.default_rng(0).integers(0, 2, (64, 64)) * 255,
    ],
    ids=["B36 black", "B36 white", "B36 grey", "B37 inverted", "B36 salt"],
)
def test_content_is_judged_later(values):
    assert np.array_equal(pixels(png(values.astype(np.uint8))), values)


def test_b40_the_same_pixels_have_one_digest_and_one_encoding():
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
    image, raw = Image.fromarray(noise), b"".join(b"\0" + row.tobytes() for row in noise)
    files = [saved(image, "PNG", compress_level=level, compress_type=kind) for level in range(10) for kind in range(4)]
    files += [saved(image.convert("RGB"), "PNG"), png(noise, before=chunk(b"tEXt", b"a\0b")), png(noise) + b"more"]
    files += [saved(image, "PNG", dpi=(dots, dots)) for dots in (72, 300)]
    files += [png(noise, before=chunk(b"gAMA", struct.pack(">I", gamma))) for gamma in (1, 45_455, 10**9)]
    files += [png(noise, data=zlib.compress(raw + bytes(10))), encode_png(noise)]
    decoded = [decode(ImageRecord("a", content)) for content in files]

    assert len(decoded) >= 49
    assert {image.digest for image in decoded} == {decoded[0].digest}
    assert {encode_png(image.pixels) for image in decoded} == {encode_png(noise)}


@pytest.mark.parametrize("order", ["<", ">"])
def test_samples_of_another_depth_than_the_checks_saw_are_refused(monkeypatch, order):
    monkeypatch.setitem(raster._CHECKS, MediaType.TIFF, lambda _: None)

    assert reason(tiff(entries(16), 16, order)) == "MODE_FORBIDDEN"


def test_b41_burned_in_text_is_part_of_the_picture():
    values = ramp()
    values[10:20, 10:50] = 255

    assert np.array_equal(pixels(png(values)), values)
