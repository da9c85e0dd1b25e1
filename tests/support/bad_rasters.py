"""Raster files that must be refused, each with its reason: B01 to B41 of the catalogue of bad inputs."""

import gzip
import io
import struct
import zlib

import numpy as np
from PIL import Image

from support.bad_images import (
    SIDE,
    SIGNATURE,
    chunk,
    grey,
    header,
    jpeg,
    png,
    ramp,
    saved,
    segment,
    turned,
    two_layers,
    with_frame,
    zipped,
)
from support.tiffs import BITS, LONG, SIGNED_SHORT, WIDTH, entries, tiff


def numpy_file(values):
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def sized(width, height, interlace=0):
    return SIGNATURE + header(width, height, interlace=interlace) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND")


def wrong_crc(name):
    content = bytearray(png())
    content[content.index(name) + 4 + 20 if name == b"IDAT" else content.index(name) + 4] ^= 1
    return bytes(content)


def wide_alpha():
    """A 16-bit PNG of grey and alpha, whose alpha is a picture."""
    samples = np.stack([np.full((SIDE, SIDE), 9), ramp().astype(int) * 257], axis=-1).astype(">u2")
    raw = b"".join(b"\0" + row.tobytes() for row in samples)
    return SIGNATURE + header(SIDE, SIDE, 16, 4) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND")


def coloured():
    """A grey picture with one pixel of colour."""
    image = grey("RGB")
    image.putpixel((0, 0), (9, 0, 0))
    return image


def one_channel():
    """Another picture in the blue channel."""
    return Image.merge("RGB", [grey(), grey(), grey().rotate(90)])


def rows(count):
    raw = b"".join(b"\0" + row.tobytes() for row in np.vstack([ramp(), ramp()])[:count])
    return png(data=zlib.compress(raw))


def of_kind(media, mode="L", **options):
    return saved(grey(mode), media, **options)


def animated(media):
    return saved(grey(), media, save_all=True, append_images=[Image.new("L", (SIDE, SIDE), 9)], duration=100)


def pages():
    return saved(Image.new("L", (SIDE, SIDE)), "TIFF", save_all=True, append_images=[grey()])


def floats(value):
    return saved(Image.fromarray(np.full((SIDE, SIDE), value, np.float32)), "TIFF")


def pfm():
    return b"Pf\n%d %d\n-1.0\n" % (SIDE, SIDE) + np.full((SIDE, SIDE), np.inf, "<f4").tobytes()


def palette_of(chunks: bytes) -> bytes:
    """The ramp, whose largest value is 250, as places in a palette."""
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in ramp()))
    return SIGNATURE + header(SIDE, SIDE, colour=3) + chunks + chunk(b"IDAT", data) + chunk(b"IEND")


def coloured_palette():
    image = Image.fromarray(ramp() % 2)
    image.putpalette(bytes([9, 9, 9, 100, 20, 20]))
    return saved(image, "PNG")


def multi_picture():
    return saved(grey(), "MPO", save_all=True, append_images=[grey()])


BIG = 2**31 - 1
BOMB = zlib.compress(bytes(100 * 2**20), 9)
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 96 96\nshowpage\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="96" height="96"></svg>'
FITS = b"SIMPLE  =                    T".ljust(80) + b"END".ljust(2800)
PSD = b"8BPS" + struct.pack(">H6sHIIHH", 1, bytes(6), 1, SIDE, SIDE, 8, 1) + bytes(12)

REFUSED = {
    "B01 empty": (b"", "IMAGE_UNDECODABLE"),
    "B02 one byte": (b"\x89", "TRUNCATED"),
    "B02 head of a PNG": (png()[:20], "TRUNCATED"),
    "B02 head of a JPEG": (jpeg()[:20], "TRUNCATED"),
    "B03 text": (b"no image at all, only text", "IMAGE_UNDECODABLE"),
    "B03 html": (b"<html><h1>502 Bad Gateway</h1></html>", "IMAGE_UNDECODABLE"),
    "B03 zip": (zipped(png()), "IMAGE_UNDECODABLE"),
    "B03 gzip": (gzip.compress(png()), "IMAGE_UNDECODABLE"),
    "B03 numpy of pickles": (numpy_file(ramp().astype(object)), "MODE_FORBIDDEN"),
    "B03 numpy of integers": (numpy_file(ramp().astype(np.int32)), "MODE_FORBIDDEN"),
    "B04 half a PNG": (png()[: len(png()) // 2], "TRUNCATED"),
    "B05 no IEND": (png()[:-12], "TRUNCATED"),
    "B06 checksum of pixels": (wrong_crc(b"IDAT"), "CRC"),
    "B06 checksum of the header": (wrong_crc(b"IHDR"), "CRC"),
    "B07 huge header": (sized(100_000, 100_000), "DIMENSIONS"),
    "B07 no rows": (rows(0), "TRUNCATED"),
    "B07 one row too few": (rows(SIDE - 1), "TRUNCATED"),
    "B07 no IDAT": (SIGNATURE + header(SIDE, SIDE) + chunk(b"IEND"), "TRUNCATED"),
    "B07 pixels that do not inflate": (png(data=b"rubbish"), "IMAGE_UNDECODABLE"),
    "B08 90 megapixels": (sized(9500, 9500), "DIMENSIONS"),
    "B08 over 25 megapixels": (sized(5001, 5000), "DIMENSIONS"),
    "B09 13,400 px": (sized(13_400, 13_400), "DIMENSIONS"),
    "B09 2^31 - 1": (sized(BIG, BIG), "DIMENSIONS"),
    "B10 nothing": (sized(0, 0), "DIMENSIONS"),
    "B11 one pixel": (png(ramp()[:1, :1]), "DIMENSIONS"),
    "B11 a line": (sized(1, 100_000), "DIMENSIONS"),
    "B11 63 px": (png(ramp(63)), "DIMENSIONS"),
    "B11 over 8192 px": (sized(8193, 2100), "DIMENSIONS"),
    "B11 aspect over 4": (sized(64, 257), "DIMENSIONS"),
    "B13 zTXt": (png(before=chunk(b"zTXt", b"a\0\0" + BOMB)), "METADATA"),
    "B13 iTXt": (png(before=chunk(b"iTXt", b"a\0\1\0en\0a\0" + BOMB)), "METADATA"),
    "B13 iCCP": (png(before=chunk(b"iCCP", b"a\0\0" + BOMB)), "METADATA"),
    "B13 zTXt that does not inflate": (png(before=chunk(b"zTXt", b"a\0\0rubbish")), "METADATA"),
    "B17 PGM of 16 bits": (saved(Image.fromarray(ramp().astype(np.int32)), "PPM"), "IMAGE_UNDECODABLE"),
    "B19 palette of colours": (coloured_palette(), "MODE_FORBIDDEN"),
    "B19 no palette": (palette_of(b""), "IMAGE_UNDECODABLE"),
    "B19 palette that lacks colours": (palette_of(chunk(b"PLTE", bytes(3 * 250))), "IMAGE_UNDECODABLE"),
    "B21 LA": (saved(two_layers("LA"), "PNG"), "MODE_FORBIDDEN"),
    "B22 RGBA": (saved(two_layers("RGBA"), "PNG"), "MODE_FORBIDDEN"),
    "B22 16-bit LA": (wide_alpha(), "MODE_FORBIDDEN"),
    "B23 grey with tRNS": (saved(grey(), "PNG", transparency=3), "MODE_FORBIDDEN"),
    "B23 RGB with tRNS": (saved(grey("RGB"), "PNG", transparency=(3, 3, 3)), "MODE_FORBIDDEN"),
    "B24 colour": (saved(coloured(), "PNG"), "MODE_FORBIDDEN"),
    "B24 a picture in one channel": (saved(one_channel(), "PNG"), "MODE_FORBIDDEN"),
    "B25 APNG": (animated("PNG"), "FRAMES"),
    "B26 GIF": (animated("GIF"), "IMAGE_UNDECODABLE"),
    "B26 WebP": (animated("WEBP"), "FRAMES"),
    "B26 lossy WebP": (of_kind("WEBP"), "MODE_FORBIDDEN"),
    "B27 two pages": (pages(), "FRAMES"),
    "B28 TIFF of NaN": (floats(np.nan), "MODE_FORBIDDEN"),
    "B28 TIFF as JPEG": (of_kind("TIFF", compression="jpeg"), "MODE_FORBIDDEN"),
    "B28 TIFF of one bit": (of_kind("TIFF", "1"), "MODE_FORBIDDEN"),
    "B28 TIFF with used alpha": (saved(two_layers("LA"), "TIFF"), "MODE_FORBIDDEN"),
    "B28 TIFF of two depths": (tiff([(BITS, LONG, 16), *entries(8)], 16), "IMAGE_UNDECODABLE"),
    "B28 TIFF of a signed width": (tiff([(WIDTH, SIGNED_SHORT, SIDE), *entries()[1:]]), "IMAGE_UNDECODABLE"),
    "B28 JPEG 2000 with alpha": (of_kind("JPEG2000", "RGBA"), "MODE_FORBIDDEN"),
    "B29 PFM of infinities": (pfm(), "IMAGE_UNDECODABLE"),
    "B30 half a JPEG": (jpeg()[: len(jpeg()) // 2], "TRUNCATED"),
    "B30 without its end": (jpeg()[:-2], "TRUNCATED"),
    "B30 half a progressive JPEG": (jpeg(progressive=True)[:600], "TRUNCATED"),
    "B31 CMYK": (of_kind("JPEG", "CMYK"), "MODE_FORBIDDEN"),
    "B32 Exif in a JPEG": (jpeg(exif=turned(6)), "METADATA"),
    "B32 Exif in a PNG": (of_kind("PNG", exif=turned(6)), "METADATA"),
    "B32 Exif that cannot be read": (png(before=chunk(b"eXIf", b"rubbish, not a TIFF")), "METADATA"),
    "B32 several pictures": (multi_picture(), "FRAMES"),
    "B35 lossless": (with_frame(0xC3), "MODE_FORBIDDEN"),
    "B35 arithmetic": (with_frame(0xC9), "MODE_FORBIDDEN"),
    "B35 12 bits": (with_frame(0xC1, precision=12), "MODE_FORBIDDEN"),
    "B35 two components": (with_frame(components=2), "MODE_FORBIDDEN"),
    "B35 two frames": (jpeg()[:2] + segment(0xC0, struct.pack(">BHHB", 8, 96, 96, 1)) + jpeg()[2:], "FRAMES"),
    "B35 height of 0": (with_frame(side=0), "DIMENSIONS"),
    "B35 huge": (with_frame(side=65_535), "DIMENSIONS"),
    "B35 pixels only": (b"\xff\xd8\xff\xd9", "TRUNCATED"),
    "B38 EPS": (EPS, "IMAGE_UNDECODABLE"),
    "B38 SVG": (SVG, "IMAGE_UNDECODABLE"),
    "B38 FITS": (FITS, "IMAGE_UNDECODABLE"),
    "B38 PSD": (PSD, "IMAGE_UNDECODABLE"),
    **{f"B38 {media}": (of_kind(media), "IMAGE_UNDECODABLE") for media in ("ICO", "AVIF", "PPM", "GIF")},
}
