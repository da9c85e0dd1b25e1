"""DICOM files that must be refused, each with its reason: D01 to D22 of the catalogue of bad inputs."""

import struct
import zlib

import numpy as np
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
    look_up_table,
    split,
    with_syntax,
)

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


UNREADABLE_KINDS = {b"FD": b"1234567", b"US": b"123", b"ZZ": b"1234"}
"""Explicit kinds that pydicom fails on, or does not know, with values of which it does so."""


def as_another_kind(content, tag, kind):
    """An explicit object whose UID at `tag` is of one of UNREADABLE_KINDS."""
    meta, data = split(content)
    start = data.index(struct.pack("<HH2s", *tag, b"UI"))
    length = struct.unpack_from("<H", data, start + 6)[0]
    return meta + data[:start] + element(*tag, kind, UNREADABLE_KINDS[kind]) + data[start + 8 + length :]


def with_private_elements(number):
    """An implicit object with so many empty private elements before its pixels, of 8 bytes each."""
    meta, data = split(dicom(syntax=ImplicitVRLittleEndian))
    start = data.rindex(struct.pack("<HH", 0x7FE0, 0x0010))
    count = np.arange(number)
    added = np.zeros((number, 4), "<u2")
    added[:, 0], added[:, 1] = 0x1001 + 2 * (count // 60_000), 0x1100 + count % 60_000
    return meta + data[:start] + added.tobytes() + data[start:]


def with_items(number):
    """An explicit object with a sequence of so many empty items, which has no stated length."""
    meta, data = split(dicom())
    items = struct.pack("<HHI", 0xFFFE, 0xE000, 0) * number + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return meta + struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, UNDEFINED) + items + data


def with_meta_elements(number):
    """An object with so many more elements in its file meta group."""
    meta, data = split(dicom())
    length = struct.unpack_from("<I", meta, 140)[0] + 8 * number
    added = b"".join(element(0x0002, 0x1000 + count % 0xE000, b"SH", b"") for count in range(number))
    return meta[:140] + struct.pack("<I", length) + meta[144:] + added + data


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
    "D21 200,000 private elements": (with_private_elements(200_000), "DICOM_STRUCTURE"),
    "D21 200,000 items": (with_items(200_000), "DICOM_STRUCTURE"),
    "D21 20,000 elements of the meta group": (with_meta_elements(20_000), "DICOM_STRUCTURE"),
    "D22 MONOCHROME2, inverse": (dicom(dataset(PresentationLUTShape="INVERSE")), "DICOM_TAGS"),
    "D22 MONOCHROME1, identity": (
        dicom(dataset(PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="IDENTITY")),
        "DICOM_TAGS",
    ),
    "D22 another shape": (dicom(dataset(PresentationLUTShape="LIN OD")), "DICOM_TAGS"),
    "D22 two shapes": (dicom(dataset(PresentationLUTShape=["IDENTITY", "IDENTITY"])), "DICOM_TAGS"),
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
