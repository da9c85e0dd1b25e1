"""Each transfer syntax, on files that ship with pydicom and ones made here, against another decoder than ours."""

import hashlib
import io
import warnings
from pathlib import Path

import jpeg_ls
import numpy as np
import pydicom
import pytest
from openjpeg.utils import encode_array
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    ExplicitVRBigEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from support.bad_images import SIDE, dataset, dicom, pixels, reason, saved, stored
from support.lossless_jpeg import encode_lossless

from cxrgate.images.codec.dicom.frame import stored_values

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
NOISE = np.random.default_rng(0).integers(0, 4096, (SIDE, SIDE))


def shipped(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dcmread(FILES / f"{name}.dcm")


@pytest.mark.parametrize(
    ("name", "plugin"),
    [
        ("693_J2KI", "pillow"),
        ("J2K_pixelrep_mismatch", "pillow"),
        ("JPEG2000", "pillow"),
        ("MR_small_jp2klossless", "pillow"),
        ("MR_small_jpeg_ls_lossless", "pyjpegls"),
        ("MR_small_RLE", "pydicom"),
        ("MR_small_bigendian", ""),
        ("MR_small_expb", ""),
        ("MR_small_implicit", ""),
        ("MR_small_padded", ""),
        ("CT_small", ""),
        ("examples_overlay", ""),
    ],
)
def test_stored_values_are_those_of_another_decoder(name, plugin):
    made = shipped(name)
    found = stored_values(made, made.file_meta.TransferSyntaxUID)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = shipped(name)
        other.pixel_array_options(decoding_plugin=plugin)
        expected = other.pixel_array

    assert np.array_equal(found, expected)


@pytest.mark.parametrize("name", ["JPGExtended", "JPEG-lossy"])
def test_12_bits_of_extended_jpeg(name):
    # No other package here reads them. libjpeg-turbo 3.1.3 (imagecodecs 2026.3.6) gave these values within 1 level in
    # 3,612 of 262,144 pixels, which is how two exact inverse transforms round. JPEG-lossy is the same picture with
    # the scan header of a lossless process.
    made = shipped(name)
    found = stored_values(made, made.file_meta.TransferSyntaxUID)

    assert (found.min(), found.max()) == (0, 264)
    assert hashlib.sha256(found.astype("<i4").tobytes()).hexdigest().startswith("0128832e21f64c4a")


def coded(frame, syntax, **tags):
    """A radiograph of 12 bits, or as the tags say, in one coded frame."""
    made = dataset(**tags)
    made.PixelData = encapsulate([frame])
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    return dicom(made, syntax)


def jpeg_2000(values, bits, **more):
    return bytes(
        encode_array(values, bits_stored=bits, photometric_interpretation=1 if values.ndim == 3 else 2, **more)
    )


def compressed(values, syntax, **tags):
    """What pydicom's own encoders make, pyjpegls and its RLE."""
    made = dataset(values, **tags)
    made.file_meta = pydicom.dataset.FileMetaDataset()
    made.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    made.compress(
        syntax, generate_instance_uid=False, encoding_plugin="pydicom" if syntax == RLELossless else "pyjpegls"
    )
    return dicom(made, syntax)


LOSSLESS = {
    "JPEG 2000": lambda values: coded(jpeg_2000(values.astype(np.uint16), 12), JPEG2000Lossless),
    "JPEG 2000 under the lossy syntax": lambda values: coded(jpeg_2000(values.astype(np.uint16), 12), JPEG2000),
    "JPEG 2000 in a JP2 file": lambda values: coded(
        jpeg_2000(values.astype(np.uint16), 12, codec_format=1), JPEG2000Lossless
    ),
    "JPEG lossless": lambda values: coded(encode_lossless(values, 12), JPEGLosslessSV1),
    "JPEG lossless, any predictor": lambda values: coded(encode_lossless(values, 12), JPEGLossless),
    "JPEG lossless of 16 bits": lambda values: coded(encode_lossless(values, 16), JPEGLosslessSV1),
    "JPEG-LS": lambda values: compressed(values, JPEGLSLossless),
    "RLE": lambda values: compressed(values, RLELossless),
    "big endian": lambda values: dicom(big_endian(dataset(values)), ExplicitVRBigEndian),
}


def big_endian(made):
    made.PixelData = np.frombuffer(made.PixelData, "<u2").astype(">u2").tobytes()
    return made


@pytest.mark.parametrize("make", LOSSLESS.values(), ids=LOSSLESS)
@pytest.mark.parametrize("values", [stored(), NOISE], ids=["ramp", "noise"])
def test_every_syntax_shows_the_same_picture(make, values):
    assert np.array_equal(pixels(make(values)), pixels(dicom(dataset(values))))


def test_jpeg_baseline():
    content = saved(Image.fromarray((stored() // 16).astype(np.uint8)), "JPEG", quality=95)
    made = coded(content, JPEGBaseline8Bit, BitsAllocated=8, BitsStored=8, HighBit=7, WindowCenter=128, WindowWidth=256)
    expected = np.asarray(Image.open(io.BytesIO(content))).astype(int)

    assert np.abs(pixels(made) - expected).max() <= 1


def test_near_lossless_jpeg_ls():
    frame = bytes(jpeg_ls.encode_array(stored().astype(np.uint16), lossy_error=3))
    found = pixels(coded(frame, JPEGLSNearLossless, WindowCenter=2048, WindowWidth=4096)).astype(int)

    assert np.abs(found - np.rint(stored() / 4095 * 255)).max() <= 1


def test_8_bits_in_words_of_big_endian():
    values = stored(8)
    made = dataset(values, allocated=8)
    made["PixelData"].VR = "OW"
    made.PixelData = np.frombuffer(values.astype(np.uint8).tobytes(), "<u2").astype(">u2").tobytes()

    assert np.array_equal(pixels(dicom(made, ExplicitVRBigEndian)), values)


@pytest.mark.parametrize("syntax", [None, RLELossless, JPEG2000Lossless])
def test_bits_beyond_those_stored_are_masked(syntax):
    beyond = stored() | np.where(NOISE % 2, 0xF000, 0x8000)
    if syntax is None:
        found = pixels(dicom(dataset(beyond)))
    elif syntax == RLELossless:
        found = pixels(compressed(beyond, syntax))
    else:
        found = pixels(coded(jpeg_2000(beyond.astype(np.uint16), 16), syntax))

    assert np.array_equal(found, pixels(dicom(dataset(stored()))))


def test_signed_values_are_extended():
    # 12 bits of two's complement with the upper four clear, as many detectors write them.
    signed = stored() - 2048
    made = dataset(signed & 0xFFF, PixelRepresentation=1)

    assert np.array_equal(pixels(dicom(made)), pixels(dicom(dataset(signed, signed=True))))


def test_what_a_lossy_codec_puts_beyond_the_range_is_clipped():
    values = np.where(stored() > 4000, 4100, stored())
    content = coded(jpeg_2000(values.astype(np.uint16), 13), JPEG2000, WindowCenter=2048, WindowWidth=4096)

    assert pixels(content)[stored() > 4000].min() == 255


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLosslessSV1])
def test_a_second_frame_is_refused(syntax):
    frame = jpeg_2000(stored().astype(np.uint16), 12) if syntax == JPEG2000Lossless else encode_lossless(stored(), 12)
    made = dataset()
    made.PixelData = encapsulate([frame, frame], has_bot=False)
    made["PixelData"].VR, made["PixelData"].is_undefined_length = "OB", True

    assert reason(dicom(made, syntax)) == "FRAMES"


def test_a_frame_in_several_fragments_is_joined():
    frame = jpeg_2000(stored().astype(np.uint16), 12)
    made = dataset()
    made.PixelData = encapsulate([frame], fragments_per_frame=5)
    made["PixelData"].VR, made["PixelData"].is_undefined_length = "OB", True

    assert np.array_equal(pixels(dicom(made, JPEG2000Lossless)), pixels(dicom()))


WRONG = {
    "another size": (coded(jpeg_2000(np.zeros((SIDE, SIDE + 1), np.uint16), 12), JPEG2000Lossless), "DICOM_TAGS"),
    "colour in grey": (coded(jpeg_2000(np.zeros((SIDE, SIDE, 3), np.uint8), 8), JPEG2000Lossless), "MODE_FORBIDDEN"),
    "signed in unsigned": (coded(jpeg_2000(np.zeros((SIDE, SIDE), np.int16), 12), JPEG2000Lossless), "DICOM_TAGS"),
    "baseline named lossless": (
        coded(saved(Image.new("L", (SIDE, SIDE)), "JPEG"), JPEGLosslessSV1),
        "DICOM_TRANSFER_SYNTAX",
    ),
    "RLE of 8 bits named 16": (coded(b"\1".ljust(64, b"\0"), RLELossless), "DICOM_TAGS"),
    "RLE without segments": (coded(b"\2".ljust(64, b"\0"), RLELossless), "DICOM_TRUNCATED"),
    "no frame": (coded(b"ab", JPEG2000Lossless), "TRUNCATED"),
}


@pytest.mark.parametrize(("content", "expected"), WRONG.values(), ids=WRONG)
def test_coded_frames_that_do_not_fit_the_object(content, expected):
    assert reason(content) == expected
