"""A released file has the rows of one picture, as its encoder writes them, and room for nothing else."""

import struct
import zlib

import numpy as np
import pytest

from cxrgate.images.codec.encode import ENCODER, encode_png
from cxrgate.verify_run.png import is_encoding, is_plain_png

PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4) * 19
ROWS = np.hstack([np.zeros((3, 1), np.uint8), PIXELS]).tobytes()
HEADER = struct.pack(">IIBBBBB", 4, 3, 8, 0, 0, 0, 0)


def png(*chunks):
    pieces = [
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(pieces)


def of(data, header=HEADER):
    return png((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))


def test_the_encoding_of_a_picture_is_plain():
    assert is_plain_png(encode_png(PIXELS))
    assert is_plain_png(of(zlib.compress(ROWS)))
    data = zlib.compress(ROWS)
    assert is_plain_png(png((b"IHDR", HEADER), (b"IDAT", data[:5]), (b"IDAT", data[5:]), (b"IEND", b"")))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        of(zlib.compress(ROWS + b"below the last row")),
        of(zlib.compress(ROWS) + b"behind the data"),
        of(zlib.compress(ROWS)[:-1]),
        of(zlib.compress(ROWS[:-1])),
        of(zlib.compress(b"\x05" + ROWS[1:])),
        of(zlib.compress(ROWS)) + b"behind the end",
        of(zlib.compress(ROWS))[:-1],
        of(zlib.compress(ROWS))[:-4] + b"more",
        of(zlib.compress(ROWS), HEADER + b"more"),
        of(zlib.compress(ROWS), struct.pack(">IIBBBBB", 4, 3, 8, 0, 0, 0, 1)),
        of(zlib.compress(ROWS), struct.pack(">IIBBBBB", 2**31, 2**31, 8, 0, 0, 0, 0)),
        png((b"IHDR", HEADER), (b"IDAT", zlib.compress(ROWS)), (b"IEND", b"more")),
        png((b"IHDR", HEADER), (b"IHDR", HEADER), (b"IDAT", zlib.compress(ROWS)), (b"IEND", b"")),
        png((b"IHDR", HEADER), (b"IDAT", zlib.compress(ROWS)), (b"tEXt", b"a\0b"), (b"IEND", b"")),
        png((b"IHDR", HEADER), (b"IEND", b"")),
    ],
)
def test_whatever_lies_beside_the_rows_is_seen(content):
    assert not is_plain_png(content)


def test_other_bytes_of_the_same_pixels_are_seen_where_the_encoder_is_here():
    assert is_encoding(encode_png(PIXELS), PIXELS, ENCODER) is True
    assert is_encoding(of(zlib.compress(ROWS)), PIXELS, ENCODER) is False
    assert is_encoding(of(zlib.compress(ROWS)), PIXELS, "another") is None
    assert is_encoding(of(zlib.compress(ROWS)), PIXELS, None) is None
