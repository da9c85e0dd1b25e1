"""The transfer syntaxes that are read, and the decoder of each: pylibjpeg's plugins, and no other that may be there.

Of what decodes these, pylibjpeg-libjpeg, -openjpeg and -rle had the latest releases (libjpeg 2.5 and openjpeg 2.6 in
autumn 2026; python-gdcm in May 2026, pyjpegls in 2024). They are called directly, so that a further plugin that
happens to be installed never decodes differently.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from libjpeg.utils import decode as decode_jpeg
from numpy.typing import NDArray
from pydicom import uid
from rle.utils import decode_pixel_data as decode_rle

from cxrgate.core import ImageError
from cxrgate.images.codec.jpeg import BASELINE, JPEG_LS, LOSSLESS, JpegFrame, read_frame, with_whole_spectrum
from cxrgate.images.codec.jpeg2000 import check_codestream, find_codestream, read_codestream

NATIVE = {uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian}


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """Samples [rows, columns] as the codec gives them, with their bits and sign.

    `lossy` samples may pass the range of the stored values a little.
    """

    samples: NDArray[np.integer]
    precision: int
    signed: bool = False
    lossy: bool = False


Decoder = Callable[[bytes, int, int, int], Decoded]
"""From the coded frame, rows, columns and bits allocated to samples."""


def _jpeg(kinds: frozenset[int], *, lossy: bool) -> Decoder:
    def decode(frame: bytes, rows: int, columns: int, _allocated: int) -> Decoded:
        header = read_frame(frame)
        if header.kind not in kinds:
            raise ImageError(
                "DICOM_TRANSFER_SYNTAX",
                "the frame is not coded by the JPEG process that the transfer syntax names: store it again",
            )
        _expect(header, rows, columns)
        try:
            return Decoded(decode_jpeg(with_whole_spectrum(frame, header)), header.precision, lossy=lossy)
        except (RuntimeError, ValueError) as error:
            raise ImageError(
                "IMAGE_UNDECODABLE", "the JPEG frame cannot be decoded: send or copy the object again"
            ) from error

    return decode


def _expect(header: JpegFrame, rows: int, columns: int) -> None:
    expect_size((header.height, header.width), (rows, columns), header.components)
    if not 2 <= header.precision <= 16:
        raise ImageError(
            "MODE_FORBIDDEN", "the coded frame has fewer than 2 or more than 16 bits: store the object uncompressed"
        )


def _jpeg2000(*, lossy: bool) -> Decoder:
    def decode(frame: bytes, rows: int, columns: int, _allocated: int) -> Decoded:
        stream = find_codestream(frame.removesuffix(b"\0"))  # which pads it to an even length
        found = check_codestream(stream)
        expect_size((found.height, found.width), (rows, columns), found.components)
        if found.precision > 16:
            raise ImageError("MODE_FORBIDDEN", "the codestream has more than 16 bits: store the object uncompressed")
        return Decoded(read_codestream(stream), found.precision, found.signed, lossy)

    return decode


def _rle(frame: bytes, rows: int, columns: int, allocated: int) -> Decoded:
    if len(frame) < 64 or struct.unpack_from("<I", frame)[0] != allocated // 8:
        raise ImageError(
            "DICOM_TAGS", "the frame has another number of RLE segments than BitsAllocated asks for: store it again"
        )
    try:
        data = decode_rle(frame, version=2, rows=rows, columns=columns, bits_allocated=allocated)
    except BaseException as error:
        # Segments that hold more than the picture end in a panic of the Rust code, whose class cannot be imported.
        if not isinstance(error, ValueError) and type(error).__name__ != "PanicException":
            raise
        raise ImageError(
            "DICOM_TRUNCATED", "the RLE segments do not fill Rows and Columns exactly: send or copy the object again"
        ) from error
    return Decoded(np.frombuffer(data, f"<u{allocated // 8}").reshape(rows, columns), allocated)


def expect_size(found: tuple[int, int], stated: tuple[int, int], components: int) -> None:
    """Raise ImageError unless the coded frame is of the size that the data set states, with one component."""
    if found != stated:
        raise ImageError("DICOM_TAGS", "Rows and Columns are not those of the coded frame: correct them")
    if components != 1:
        raise ImageError("MODE_FORBIDDEN", "the coded frame has colour: convert it to grey")


CODED: dict[str, Decoder] = {
    uid.JPEGBaseline8Bit: _jpeg(BASELINE, lossy=True),
    uid.JPEGExtended12Bit: _jpeg(BASELINE, lossy=True),
    uid.JPEGLossless: _jpeg(LOSSLESS, lossy=False),
    uid.JPEGLosslessSV1: _jpeg(LOSSLESS, lossy=False),
    uid.JPEGLSLossless: _jpeg(JPEG_LS, lossy=False),
    uid.JPEGLSNearLossless: _jpeg(JPEG_LS, lossy=True),
    uid.JPEG2000Lossless: _jpeg2000(lossy=False),
    uid.JPEG2000: _jpeg2000(lossy=True),
    uid.RLELossless: _rle,
}


def syntax_name(syntax: str) -> str:
    """The name that the DICOM standard gives it, or that it has none; never what the file says."""
    known = uid.UID(syntax)
    return known.name if known.is_transfer_syntax and not known.is_private else "one that the standard does not name"
