"""DICOM files that must be refused, each with its reason, and what is read of odd ones."""

import contextlib
import struct
import zlib

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    JPEG2000,
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from support.bad_images import (
    SIDE,
    dataset,
    dicom,
    element,
    little_cost,
    look_up_table,
    pixels,
    reason,
    split,
    stored,
    with_syntax,
)

from cxrgate.core import ImageError, ImageRecord, MediaType
from cxrgate.images.codec.decode import decode
from cxrgate.images.codec.encode import encode_png

UNDEFINED = 0xFFFFFFFF


def deflate_bomb():
    meta, _data = split(with_syntax(DeflatedExplicitVRLittleEndian))
    deflater = zlib.compressobj(9, wbits=-15)
    bomb = element(0x0009, 0x1001, b"OB", b"", 200 * 2**20)
    return meta + deflater.compress(bomb + bytes(200 * 2**20)) + deflater.flush()


def nested(depth):
    sequence = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, UNDEFINED)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED)
    return split(dicom())[0] + (sequence + item) * depth


def floating(value, name="FloatPixelData", kind="<f4"):
    made = dataset(PixelData=None, BitsAllocated=8 * np.dtype(kind).itemsize)
    for tag in ("BitsStored", "HighBit", "PixelRepresentation"):
        delattr(made, tag)
    setattr(made, name, np.full((SIDE, SIDE), value, kind).tobytes())
    return dicom(made)


def with_length(tag, length):
    """A file in which the length of one short element lies."""
    meta, data = split(dicom())
    start = data.index(struct.pack("<HH", *tag))
    return meta + data[: start + 6] + struct.pack("<H", length) + data[start + 8 :]


def undefined_pixels():
    meta, data = split(dicom())
    start = data.index(struct.pack("<HH", 0x7FE0, 0x0010))
    end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return meta + data[: start + 8] + struct.pack("<I", UNDEFINED) + data[start + 12 :] + end


def undefined_length(kind=None):
    """A file whose first element never ends; of rows, with implicit kinds, unless it has a `kind`."""
    if kind:
        meta, data = split(dicom())
        return meta + element(0x0009, 0x1001, kind, b"", UNDEFINED) + data
    meta, data = split(dicom(syntax=ImplicitVRLittleEndian))
    return meta + data.replace(struct.pack("<HHI", 0x0028, 0x0010, 2), struct.pack("<HHI", 0x0028, 0x0010, UNDEFINED))


def long_text(group, number, length, kind=None):
    """A file that begins with an overlong text, implicit unless it has a `kind`."""
    meta, data = split(dicom(syntax=ExplicitVRLittleEndian if kind else ImplicitVRLittleEndian))
    text = b"A" * length
    return (
        meta
        + (element(group, number, kind, text) if kind else struct.pack("<HHI", group, number, length) + text)
        + data
    )


def without(name):
    return dicom(dataset(**{name: None}))


def huge(rows, columns):
    return dicom(dataset(Rows=rows, Columns=columns, PixelData=bytes(100)))


def two_look_ups():
    made = dataset()
    made.VOILUTSequence = [look_up_table(list(range(100)), 16)]
    made.VOILUTSequence[0].LUTDescriptor = [4096, 0, 16]
    return dicom(made)


FULL = dicom()
REFUSED = {
    "D02 preamble only": (FULL[:132], "DICOM_TRUNCATED"),
    "D02 cut in the meta group": (FULL[:200], "DICOM_TRUNCATED"),
    "D02 no data set": (split(FULL)[0], "DICOM_TRUNCATED"),
    "D03 cut in the pixels": (FULL[:-100], "DICOM_TRUNCATED"),
    "D03 pixels too short": (dicom(dataset(PixelData=bytes(100))), "DICOM_TRUNCATED"),
    "D04 huge": (huge(65_535, 65_535), "DIMENSIONS"),
    "D04 over 25 megapixels": (huge(5001, 5000), "DIMENSIONS"),
    "D04 too small": (huge(63, 63), "DIMENSIONS"),
    "D05 no rows": (dicom(dataset(Rows=0)), "DICOM_TAGS"),
    "D05 no columns": (dicom(dataset(Columns=0)), "DICOM_TAGS"),
    "D05 two values of rows": (dicom(dataset(Rows=[SIDE, SIDE])), "DICOM_TAGS"),
    "D05 12 bits allocated": (dicom(dataset(BitsAllocated=12)), "DICOM_TAGS"),
    "D05 32 bits allocated": (dicom(dataset(BitsAllocated=32)), "DICOM_TAGS"),
    "D05 look-up table cut short": (two_look_ups(), "DICOM_TAGS"),
    "D05 window of no width": (dicom(dataset(WindowCenter=5, WindowWidth=0)), "DICOM_TAGS"),
    **{
        f"D05 without {name}": (without(name), "DICOM_TAGS")
        for name in (
            "Rows",
            "Columns",
            "PixelData",
            "BitsAllocated",
            "BitsStored",
            "PixelRepresentation",
            "SamplesPerPixel",
            "PhotometricInterpretation",
        )
    },
    "D06 three frames": (dicom(dataset(NumberOfFrames=3)), "FRAMES"),
    "D06 a million frames": (dicom(dataset(NumberOfFrames=10**6)), "FRAMES"),
    "D09 more stored than allocated": (dicom(dataset(BitsStored=17, HighBit=16)), "DICOM_TAGS"),
    "D09 high bit elsewhere": (dicom(dataset(HighBit=15)), "DICOM_TAGS"),
    "D09 representation 2": (dicom(dataset(PixelRepresentation=2)), "DICOM_TAGS"),
    "D10 palette": (dicom(dataset(PhotometricInterpretation="PALETTE COLOR")), "MODE_FORBIDDEN"),
    "D11 RGB": (dicom(dataset(PhotometricInterpretation="RGB", SamplesPerPixel=3)), "MODE_FORBIDDEN"),
    "D11 three samples": (dicom(dataset(SamplesPerPixel=3)), "MODE_FORBIDDEN"),
    **{
        f"D12 {uid.name}, pixels uncompressed": (with_syntax(uid), "DICOM_TAGS")
        for uid in (JPEG2000, JPEGLosslessSV1, JPEGLSLossless, RLELossless)
    },
    "D12 HTJ2K": (with_syntax(HTJ2KLossless), "DICOM_TRANSFER_SYNTAX"),
    "D12 video": (with_syntax(MPEG2MPML), "DICOM_TRANSFER_SYNTAX"),
    "D12 unknown": (with_syntax("1.2.3.4.5"), "DICOM_TRANSFER_SYNTAX"),
    "D13 deflated": (deflate_bomb(), "DICOM_TRANSFER_SYNTAX"),
    "D14 nested": (nested(20_000), "DICOM_STRUCTURE"),
    "D15 undefined length of pixels": (undefined_pixels(), "DICOM_TAGS"),
    "D15 undefined length of bytes": (undefined_length(b"OB"), "DICOM_TAGS"),
    "D15 undefined length of unknown": (undefined_length(b"UN"), "DICOM_TAGS"),
    "D15 undefined length of a sequence": (undefined_length(b"SQ"), "DICOM_TAGS"),
    "D15 undefined length of rows": (undefined_length(), "DICOM_TAGS"),
    "D18 another modality": (dicom(dataset(Modality="CT")), "DICOM_MODALITY"),
    "D19 NaN": (floating(np.nan), "NONFINITE"),
    "D19 infinity, double": (floating(np.inf, "DoubleFloatPixelData", "<f8"), "NONFINITE"),
    "D19 finite": (floating(1.5), "DICOM_TAGS"),
    "D19 slope that overflows": (dicom(dataset(RescaleSlope="1e308", RescaleIntercept="0")), "NONFINITE"),
    "D20 comments of 10 MiB": (long_text(0x0020, 0x4000, 10 * 2**20), "TAG_LENGTH"),
    "D20 name of 10 MiB": (long_text(0x0010, 0x0010, 10 * 2**20), "TAG_LENGTH"),
    "D20 unlimited text": (long_text(0x0040, 0xA160, 10 * 2**20, b"UT"), "TAG_LENGTH"),
    "D20 character sets": (long_text(0x0008, 0x0005, 2**17), "TAG_LENGTH"),
}


@pytest.mark.parametrize(("content", "expected"), REFUSED.values(), ids=REFUSED)
def test_refused_at_little_cost(content, expected):
    with little_cost(8 * len(content) + 20 * 2**20, 3):
        assert reason(content) == expected


@pytest.mark.parametrize("content", [FULL[128:], b"", bytes(200), b"text" * 100], ids=lambda c: f"D01 {len(c)}")
def test_without_preamble_or_mark(content):
    assert reason(content, MediaType.DICOM) == ("DICOM_HEADER" if content else "IMAGE_UNDECODABLE")


def test_every_cut_is_refused():
    made = dataset(stored()[:64, :64])
    content = dicom(made)
    found = {reason(content[:length]) for length in range(132, len(content), 5)}

    # At the end of an element the file looks whole, and tags are missing.
    assert found <= {"DICOM_TRUNCATED", "DICOM_TAGS"}
    assert {reason(content[:-length]) for length in range(1, 8000, 13)} == {"DICOM_TRUNCATED"}


@pytest.mark.parametrize("length", [0, 1, 3, 0xFFFF, 0xFFF0])
def test_d15_lengths_that_lie_are_refused(length):
    assert reason(with_length((0x0028, 0x0010), length)) in {"DICOM_TAGS", "DICOM_TRUNCATED"}


@pytest.mark.parametrize("start", [b"MZ\x90\0", b"\x7fELF", b"#!/bin/sh\n"], ids=["D16 MZ", "D16 ELF", "D16 script"])
def test_a_program_in_the_preamble_is_not_released(start):
    content = dicom(preamble=start.ljust(128, b"\0"))

    assert np.array_equal(pixels(content), pixels(FULL))
    assert start not in encode_png(pixels(content))


def test_d17_nothing_but_pixels_is_released():
    made = dataset(PatientName="DOE^JANE")
    made.add_new(0x00091001, "LO", "DOE private")
    made.add_new(0x60003000, "OW", b"DOE overlay!")
    icon = Dataset()
    icon.PixelData = b"DOE icon"
    icon["PixelData"].VR = "OB"
    made.IconImageSequence = [icon]
    content = dicom(made)

    assert content.count(b"DOE") == 4
    assert np.array_equal(pixels(content), pixels(FULL))
    assert b"DOE" not in encode_png(pixels(content))


def test_d18_view_and_body_part_are_judged_by_the_picture():
    assert np.array_equal(pixels(dicom(dataset(ViewPosition="LL", BodyPartExamined="HAND"))), pixels(FULL))


def test_neither_message_nor_log_repeats_a_value(caplog):
    files = [dicom(dataset(Modality="DOE^JANE")), long_text(0x0010, 0x0010, 2**17)]
    files += [dicom(dataset(PhotometricInterpretation="DOE^JANE")), with_syntax("1.2.3.4.5"), floating(np.nan)]
    caplog.clear()
    for content in files:
        with pytest.raises(ImageError) as caught:
            decode(ImageRecord("a", content))
        assert not any(word in caught.value.message + caplog.text for word in ("DOE", "AAAA", "1.2.3", "nan"))


def test_any_damaged_byte_gives_a_picture_or_a_reason():
    rng = np.random.default_rng(0)
    content = dicom(
        dataset(stored()[:64, :64], WindowCenter=2000, WindowWidth=3000, RescaleSlope=2, RescaleIntercept=1)
    )
    for _ in range(400):
        damaged = bytearray(content)
        for position in rng.integers(128, len(content) - 64 * 64 * 2, rng.integers(1, 5)):
            damaged[position] = rng.integers(0, 256)
        # Any other exception fails here.
        with contextlib.suppress(ImageError):
            assert pixels(bytes(damaged)).dtype == np.uint8
