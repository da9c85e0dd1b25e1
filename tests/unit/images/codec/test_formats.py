"""Every raster format that is read, against numbers worked out here or another decoder (OpenCV, tifffile)."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from openjpeg.utils import encode_array
from PIL import Image
from support.bad_images import SIDE, SIGNATURE, chunk, grey, header, pixels, png, ramp, reason, saved, turned

from cxrgate.core import ImageError, ImageRecord
from cxrgate.images import ImageFile, decode

WIDE = np.linspace(0, 65_535, SIDE * SIDE).round().astype(np.uint16).reshape(SIDE, SIDE)
NOISE = np.random.default_rng(0).integers(0, 65_536, (SIDE, SIDE)).astype(np.uint16)


def scaled(values, depth):
    return np.floor(values.astype(float) * 255 / (2**depth - 1) + 0.5).astype(np.uint8)


def cv(values, ending=".png", *options):
    return cv2.imencode(ending, values, list(options))[1].tobytes()


def spread(values):
    """Three equal channels."""
    return np.repeat(values[..., None], 3, 2)


@pytest.mark.parametrize(
    ("largest", "depth"),
    [
        *[(0, 8), (1, 8), (255, 8), (256, 10), (1023, 10), (1024, 12), (4095, 12), (4096, 14), (16_383, 14)],
        *[(16_384, 15), (32_767, 15), (32_768, 16), (65_535, 16)],
    ],
)
def test_the_depth_of_16_bits_is_the_smallest_that_holds_the_largest_value(largest, depth):
    values = np.linspace(0, largest, SIDE * SIDE).round().astype(np.uint16).reshape(SIDE, SIDE)

    assert np.array_equal(pixels(cv(values)), scaled(values, depth))
    assert np.array_equal(cv2.imdecode(np.frombuffer(cv(values), np.uint8), cv2.IMREAD_UNCHANGED), values)


def with_significant(values, bits):
    content = cv(values)
    return content[:33] + chunk(b"sBIT", bytes([bits])) + content[33:]


@pytest.mark.parametrize(("bits", "largest", "depth"), [(12, 1000, 12), (16, 900, 16), (9, 511, 9), (12, 65_535, 16)])
def test_significant_bits_are_the_depth_where_they_hold_every_value(bits, largest, depth):
    values = np.linspace(0, largest, SIDE * SIDE).round().astype(np.uint16).reshape(SIDE, SIDE)

    assert np.array_equal(pixels(with_significant(values, bits)), scaled(values, depth))


@pytest.mark.parametrize("bits", [0, 17])
def test_significant_bits_that_no_sample_has_are_refused(bits):
    assert reason(with_significant(WIDE, bits)) == "METADATA"


def test_b16_the_low_byte_alone_decides_nothing():
    assert np.ptp(pixels(cv(0x8000 + ramp().astype(np.uint16)))) <= 1


@pytest.mark.parametrize("values", [WIDE, NOISE], ids=["ramp", "noise"])
@pytest.mark.parametrize("strategy", [8, 16, 32, 64, 128, 248], ids=["none", "sub", "up", "average", "paeth", "all"])
def test_16_bit_colour_of_every_filter(values, strategy):
    content = cv(spread(values), ".png", cv2.IMWRITE_PNG_FILTER, strategy)

    assert np.array_equal(pixels(content), scaled(values, 16))


@pytest.mark.parametrize("interlace", [0, 1])
@pytest.mark.parametrize(("colour", "samples"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_16_bits_of_every_colour_type(interlace, colour, samples):
    channels = np.full((SIDE, SIDE, samples), 65_535, ">u2")
    channels[..., : samples - (samples in {2, 4})] = NOISE[..., None]
    steps = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    parts = steps if interlace else ((0, 0, 1, 1),)
    raw = b"".join(
        b"\0" + row.tobytes() for top, left, down, right in parts for row in channels[top::down, left::right]
    )
    head = header(SIDE, SIDE, 16, colour, interlace)
    content = SIGNATURE + head + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND")

    assert np.array_equal(pixels(content), scaled(NOISE, 16))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits_are_spread_over_the_grey_levels(bits):
    values = (ramp() % 2**bits).astype(np.uint8)
    packed = [np.packbits(np.unpackbits(row[:, None], axis=1)[:, -bits:].ravel()) for row in values]
    raw = b"".join(b"\0" + row.tobytes() for row in packed)
    content = SIGNATURE + header(SIDE, SIDE, bits) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND")

    assert np.array_equal(pixels(content), values * (255 // (2**bits - 1)))


@pytest.mark.parametrize("order", [np.arange(256), np.random.default_rng(0).permutation(256)], ids=["B19", "B20"])
def test_a_grey_palette_is_looked_up(order):
    image = Image.fromarray(np.asarray(order, np.uint8)[ramp()])
    image.putpalette(np.repeat(np.argsort(order), 3).astype(np.uint8).tobytes())

    assert np.array_equal(pixels(saved(image, "PNG")), ramp())


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("media", ["PNG", "TIFF"])
def test_alpha_that_is_opaque_everywhere_is_dropped(mode, media):
    assert np.array_equal(pixels(saved(grey(mode), media)), ramp())


@pytest.mark.parametrize("place", [(0, 0), (95, 95), (40, 17)])
def test_one_transparent_pixel_is_enough(place):
    image = grey("RGBA")
    image.putpixel(place, (*image.getpixel(place)[:3], 254))

    assert reason(saved(image, "PNG")) == "MODE_FORBIDDEN"


@pytest.mark.parametrize("orientation", [0, 1])
@pytest.mark.parametrize("media", ["PNG", "TIFF"])
def test_orientations_that_are_upright(orientation, media):
    assert np.array_equal(pixels(saved(grey(), media, exif=turned(orientation))), ramp())


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("media", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_orientations_that_are_not(orientation, media):
    options = {"lossless": True} if media == "WEBP" else {}

    assert reason(saved(grey(), media, exif=turned(orientation), **options)) == "METADATA"


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits"])
@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_tiff_of_8_bits(compression, mode):
    assert np.array_equal(pixels(saved(grey(mode), "TIFF", compression=compression)), ramp())


TIFFS = {
    "plain": {},
    "big endian": {"byteorder": ">"},
    "deflate": {"compression": "zlib"},
    "predictor": {"compression": "zlib", "predictor": 2},
    "predictor, big endian": {"compression": "zlib", "predictor": 2, "byteorder": ">"},
    "tiles": {"tile": (32, 32)},
    "tiles, predictor": {"tile": (32, 48), "compression": "zlib", "predictor": 2},
    "strips": {"rowsperstrip": 7},
}


@pytest.mark.parametrize("options", TIFFS.values(), ids=TIFFS)
@pytest.mark.parametrize("colour", [False, True], ids=["grey", "RGB"])
def test_tiff_of_16_bits(options, colour):
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        spread(NOISE) if colour else NOISE,
        photometric="rgb" if colour else "minisblack",
        metadata=None,
        **options,
    )

    assert np.array_equal(pixels(buffer.getvalue()), scaled(NOISE, 16))


@pytest.mark.parametrize("compression", [1, 5, 8, 32_946], ids=["none", "LZW", "deflate", "old deflate"])
def test_tiff_of_16_bits_by_another_writer(compression):
    content = cv(spread(WIDE), ".tiff", cv2.IMWRITE_TIFF_COMPRESSION, compression)

    assert np.array_equal(pixels(content), scaled(WIDE, 16))


def test_white_is_zero_is_turned_round():
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, 255 - ramp(), photometric="miniswhite", metadata=None)

    assert np.array_equal(pixels(buffer.getvalue()), ramp())


@pytest.mark.parametrize("order", ["<", ">"])
def test_white_is_zero_of_16_bits_is_turned_round_after_the_depth_rule(order):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, NOISE, photometric="miniswhite", metadata=None, byteorder=order)

    assert np.array_equal(pixels(buffer.getvalue()), 255 - scaled(NOISE, 16))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_bmp(mode):
    expected = np.asarray(grey(mode).convert("L"))

    assert np.array_equal(pixels(saved(grey(mode), "BMP")), expected)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_lossless_webp(mode):
    assert np.array_equal(pixels(saved(grey(mode), "WEBP", lossless=True)), ramp())


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_jpeg_2000(bits):
    values = (WIDE >> (16 - bits)).astype(np.uint8 if bits == 8 else np.uint16)
    plain = bytes(encode_array(values, bits_stored=bits, photometric_interpretation=2))
    boxed = bytes(encode_array(values, bits_stored=bits, photometric_interpretation=2, codec_format=1))
    expected = scaled(values, bits)

    assert np.array_equal(pixels(plain), expected)
    assert np.array_equal(pixels(boxed), expected)


def test_jpeg_2000_by_another_writer():
    assert np.array_equal(pixels(saved(grey(), "JPEG2000")), ramp())
    assert np.array_equal(pixels(saved(grey("RGB"), "JPEG2000")), ramp())
    assert np.array_equal(pixels(saved(grey(), "JPEG2000", tile_size=(32, 32))), ramp())


def npy(values):
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


ARRAYS = {
    "grey": ramp(),
    "one channel": ramp()[..., None],
    "three channels": spread(ramp()),
    "channels first": np.moveaxis(spread(ramp()), 2, 0),
    "one image of a batch": spread(ramp())[None],
    "batch of one, channels first": ramp()[None, None],
    "Fortran order": np.asfortranarray(ramp()),
    "Fortran order, channels": np.asfortranarray(spread(ramp())),
}


@pytest.mark.parametrize("values", ARRAYS.values(), ids=ARRAYS)
def test_arrays(values):
    assert np.array_equal(pixels(npy(values)), ramp())


@pytest.mark.parametrize("kind", ["<f2", "<f4", ">f4", "<f8"])
@pytest.mark.parametrize("limits", [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)])
def test_floats_whose_range_is_stated(kind, limits):
    values = (ramp() / 255 * (limits[1] - limits[0]) + limits[0]).astype(kind)
    found = decode(ImageRecord("a", npy(values), value_range=limits)).pixels

    assert np.abs(found.astype(int) - ramp()).max() <= (kind == "<f2")


@pytest.mark.parametrize(
    ("values", "limits", "expected"),
    [
        (ramp() / 255, None, "VALUE_RANGE"),
        (ramp() / 255, (-1.0, 0.5), "VALUE_RANGE"),
        (ramp() / 255 - 1, (0.0, 1.0), "VALUE_RANGE"),
        (np.where(ramp() == 7, np.nan, 0.5), (0.0, 1.0), "NONFINITE"),
        (np.where(ramp() == 7, np.inf, 0.5), (0.0, 1.0), "NONFINITE"),
        (np.stack([ramp()] * 4), None, "DIMENSIONS"),
        (ramp()[:20], None, "DIMENSIONS"),
        (np.zeros(100), None, "DIMENSIONS"),
    ],
    ids=["not stated", "above", "below", "NaN", "infinite", "several", "too small", "no picture"],
)
def test_arrays_that_are_refused(values, limits, expected):
    with pytest.raises(ImageError) as caught:
        decode(ImageRecord("a", npy(values), value_range=limits))

    assert caught.value.reason == expected


@pytest.mark.parametrize("level", [8, 9])
def test_channels_may_differ_by_8_levels_and_no_more(level):
    channels = spread(np.full((SIDE, SIDE), 100, np.uint8))
    channels[3, 5, 2] += level
    content = saved(Image.fromarray(channels), "PNG")
    if level > 8:
        assert reason(content) == "MODE_FORBIDDEN"
        return
    found = decode(ImageRecord("a", content))
    assert found.colour
    assert found.pixels[3, 5] == round(100 + 0.114 * level)
    assert set(np.unique(np.delete(found.pixels.ravel(), 3 * SIDE + 5))) == {100}


@pytest.mark.parametrize("content", [png(), saved(grey(), "JPEG"), saved(grey(), "WEBP", lossless=True)])
def test_the_content_counts_and_not_the_name(tmp_path, content):
    for name in ("a.png", "a.JPG", "a", "a.bin", "a.tif"):
        (tmp_path / name).write_bytes(content)
        assert np.array_equal(decode(ImageFile(tmp_path / name, name).read()).pixels, pixels(content))


def test_bmp_that_says_more_than_it_holds():
    content = bytearray(saved(grey(), "BMP"))
    struct.pack_into("<i", content, 22, SIDE + 1)

    assert reason(bytes(content)) == "TRUNCATED"


@pytest.mark.parametrize("channel", [0, 1, 2])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_no_channel_may_hold_another_picture(mode, channel):
    parts = [grey()] * 3
    parts[channel] = grey().rotate(90)
    image = Image.merge("RGB", parts)
    assert reason(saved(image.convert(mode), "PNG")) == "MODE_FORBIDDEN"
    assert reason(saved(image.convert(mode), "TIFF")) == "MODE_FORBIDDEN"


def test_equal_channels_are_no_colour():
    assert not decode(ImageRecord("a", saved(grey("RGB"), "PNG"))).colour
