"""Every kind of file that is read, cut short and damaged, in the sandbox: a reason each, and no neighbour pays."""

import asyncio
import io

import cv2
import jpeg_ls
import numpy as np
import pytest
import tifffile
from openjpeg.utils import encode_array
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from rle.utils import encode_pixel_data
from support.bad_images import dataset, dicom, grey, png, ramp, saved
from support.lossless_jpeg import encode_lossless

from cxrgate.core import Failure, GreyImage, ImageRecord
from cxrgate.images.sandbox.decoder import SandboxedDecoder

SIDE = 64
SMALL = grey().resize((SIDE, SIDE))
NOISE = np.random.default_rng(0).integers(0, 4096, (SIDE, SIDE)).astype(np.uint16)
CUTS, DAMAGED = 100, 100
END_OF_ITEMS = b"\xfe\xff\xdd\xe0\0\0\0\0"


def tiff(values, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, metadata=None, **options)
    return buffer.getvalue()


def npy(values):
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def coded(frame, syntax, **tags):
    made = dataset(NOISE, **tags)
    made.PixelData = encapsulate([frame])
    made["PixelData"].VR, made["PixelData"].is_undefined_length = "OB", True
    return dicom(made, syntax)


def big_endian():
    made = dataset(NOISE)
    made.PixelData = NOISE.astype(">u2").tobytes()
    return dicom(made, ExplicitVRBigEndian)


RLE = {"rows": SIDE, "columns": SIDE, "samples_per_pixel": 1, "number_of_frames": 1, "bits_allocated": 16}
EIGHT = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
FILES = {
    "PNG": saved(SMALL, "PNG"),
    "PNG of 16 bits": cv2.imencode(".png", NOISE)[1].tobytes(),
    "PNG of 16 bits, RGB": cv2.imencode(".png", np.repeat(NOISE[..., None], 3, 2))[1].tobytes(),
    "PNG with a palette": saved(SMALL.convert("P"), "PNG"),
    "PNG of one bit": saved(SMALL.convert("1"), "PNG"),
    "PNG with alpha": saved(SMALL.convert("RGBA"), "PNG"),
    "JPEG": saved(SMALL, "JPEG"),
    "TIFF": saved(SMALL, "TIFF"),
    "TIFF, LZW": saved(SMALL, "TIFF", compression="tiff_lzw"),
    "TIFF, PackBits": saved(SMALL, "TIFF", compression="packbits"),
    "TIFF of 16 bits": tiff(NOISE, compression="zlib", predictor=2),
    "TIFF of 16 bits, RGB": tiff(np.repeat(NOISE[..., None], 3, 2), photometric="rgb", tile=(32, 32)),
    "BMP": saved(SMALL, "BMP"),
    "BMP, RGB": saved(SMALL.convert("RGB"), "BMP"),
    "WebP": saved(SMALL, "WEBP", lossless=True),
    "JPEG 2000": bytes(encode_array(NOISE, bits_stored=12, photometric_interpretation=2)),
    "JPEG 2000 file": saved(SMALL, "JPEG2000", tile_size=(32, 32)),
    "NPY": npy(np.asarray(SMALL)),
    "DICOM": dicom(dataset(NOISE)),
    "DICOM, implicit": dicom(dataset(NOISE), ImplicitVRLittleEndian),
    "DICOM, big endian": big_endian(),
    "DICOM, JPEG": coded(saved(SMALL, "JPEG"), JPEGBaseline8Bit, **EIGHT),
    "DICOM, JPEG lossless": coded(encode_lossless(NOISE.astype(int), 12), JPEGLosslessSV1),
    "DICOM, JPEG 2000": coded(
        bytes(encode_array(NOISE, bits_stored=12, photometric_interpretation=2)), JPEG2000Lossless
    ),
    "DICOM, JPEG-LS": coded(bytes(jpeg_ls.encode_array(NOISE)), JPEGLSLossless),
    "DICOM, RLE": coded(encode_pixel_data(NOISE.tobytes(), None, "<", **RLE), RLELossless),
}


@pytest.fixture(scope="module")
def decoder():
    with SandboxedDecoder(1) as made:
        yield made


def answers(decoder, contents):
    good = ImageRecord("good", png(ramp(SIDE)))
    records = [ImageRecord(str(number), content) for number, content in enumerate(contents)]
    *found, after = asyncio.run(decoder.decode([*records, good]))
    assert np.array_equal(after.pixels, ramp(SIDE))
    assert not any(isinstance(answer, Failure) and answer.code != "INVALID_ARGUMENT" for answer in found)
    return found


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_cut_short_at_100_places(decoder, content):
    (whole,) = answers(decoder, [content])
    assert isinstance(whole, GreyImage)
    # The end mark of coded DICOM frames is the one thing that no pixel depends on.
    last = len(content) - (8 if content.endswith(END_OF_ITEMS) else 0)
    places = np.linspace(1, last - 1, CUTS).astype(int)
    found = answers(decoder, [content[:place] for place in places])

    assert [place for place, answer in zip(places, found, strict=True) if isinstance(answer, GreyImage)] == []
    assert "DECODER_DIED" not in {answer.reason for answer in found}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_damaged_bytes_give_a_picture_or_a_reason(decoder, content):
    rng = np.random.default_rng(0)
    damaged = []
    for number in range(DAMAGED):
        # Half of them in the head, where sizes and kinds stand.
        reach = len(content) if number % 2 else min(len(content), 1024)
        changed = bytearray(content)
        for position in rng.integers(0, reach, rng.integers(1, 5)):
            changed[position] ^= 1 << rng.integers(0, 8)
        damaged.append(bytes(changed))

    assert len(answers(decoder, damaged)) == DAMAGED
