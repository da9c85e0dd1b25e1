"""DICOM objects as hospitals and public sets have them: what is read, and what a refusal names."""

import io
import warnings

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, SecondaryCaptureImageStorage
from support.bad_images import SIDE, dataset, dicom, pixels, reason, stored, with_syntax

from cxrgate.core import ImageError, ImageRecord, MediaType
from cxrgate.images.codec.decode import decode

PLAIN = pixels(dicom())


def bare(syntax):
    """A data set alone, without preamble and header."""
    made = dataset()
    made.SOPClassUID = SecondaryCaptureImageStorage
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pydicom.dcmwrite(buffer, made, implicit_vr=syntax.is_implicit_VR, little_endian=True)
    return buffer.getvalue()


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_without_preamble_a_name_that_says_dicom_is_enough(syntax):
    found = decode(ImageRecord("a", bare(syntax), declared=MediaType.DICOM))

    assert np.array_equal(found.pixels, PLAIN)


def test_without_preamble_and_name_it_is_no_dicom():
    assert reason(bare(ImplicitVRLittleEndian)) == "IMAGE_UNDECODABLE"


@pytest.mark.parametrize("modality", ["CR", "DX", "RG", "OT", "dx", "DX ", " cr", "", None])
@pytest.mark.parametrize("captured", [False, True], ids=["", "secondary capture"])
def test_modalities_that_are_read(modality, captured):
    made = dataset(Modality=modality)
    if captured:
        made.SOPClassUID = SecondaryCaptureImageStorage

    assert np.array_equal(pixels(dicom(made)), PLAIN)


@pytest.mark.parametrize("modality", ["CT", "MR", "MG", "us"])
def test_other_modalities_are_named(modality):
    with pytest.raises(ImageError, match=modality.upper()) as caught:
        pixels(dicom(dataset(Modality=modality)))

    assert caught.value.reason == "DICOM_MODALITY"


def sequence(made, *, private):
    item = Dataset()
    item.PatientComments = "x"
    if private:
        made.private_block(0x0011, "ACME 1", create=True).add_new(1, "SQ", [item])
        made[0x0011, 0x1001].is_undefined_length = True
    else:
        made.ViewCodeSequence = [item]
        made["ViewCodeSequence"].is_undefined_length = True
    return made


def with_elements(*elements):
    made = dataset()
    for tag, kind, value in elements:
        made.add_new(tag, kind, value)
    return made


def one_over():
    values = stored()
    values[0, 5] = 4096
    return dataset(values)


OVERLAY = [(0x60000010, "US", SIDE), (0x60000011, "US", SIDE), (0x60000100, "US", 16), (0x60000102, "US", 15)]
ODD = {
    "NumberOfFrames 0": (dataset(NumberOfFrames=0), slice(None)),
    "NumberOfFrames 1": (dataset(NumberOfFrames=1), slice(None)),
    "NumberOfFrames empty": (with_elements((0x00280008, "IS", "")), slice(None)),
    "windows empty": (with_elements((0x00281050, "DS", ""), (0x00281051, "DS", "")), slice(None)),
    "several windows": (dataset(WindowCenter=[2048, 100], WindowWidth=[4096, 50]), slice(None)),
    "lower case and spaces": (dataset(PhotometricInterpretation="monochrome2 "), slice(None)),
    "rescale empty": (with_elements((0x00281052, "DS", ""), (0x00281053, "DS", "")), slice(None)),
    "exact window": (dataset(WindowCenter=2047.5, WindowWidth=4095, VOILUTFunction="LINEAR_EXACT"), slice(None)),
    "no rescale type": (dataset(RescaleSlope=1, RescaleIntercept=0), slice(None)),
    "padding of the wrong kind": (with_elements((0x00280120, "SS", -2000)), slice(None)),
    "trailing padding": (with_elements((0xFFFCFFFC, "OB", bytes(512))), slice(None)),
    "unknown character set": (dataset(SpecificCharacterSet="ISO_IR 999", PatientName="X"), slice(None)),
    "overlay in unused bits": (with_elements(*OVERLAY), slice(None)),
    "private sequence": (sequence(dataset(), private=True), slice(None)),
    "sequence": (sequence(dataset(), private=False), slice(None)),
    "one value too large": (one_over(), slice(1, None)),
}


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian], ids=["explicit", "implicit"])
@pytest.mark.parametrize(("made", "rows"), ODD.values(), ids=ODD)
def test_odd_attributes_are_read(made, rows, syntax):
    assert np.array_equal(pixels(dicom(made, syntax))[rows], PLAIN[rows])


NAMED = {
    "window": (dicom(dataset(WindowCenter=5, WindowWidth=0)), ["WindowWidth", "remove"]),
    "unreadable window": (
        dicom(dataset(WindowCenter=5, WindowWidth=0)).replace(b"DS\x02\x000 ", b"DS\x02\x00x "),
        ["WindowWidth"],
    ),
    "window function": (dicom(dataset(WindowCenter=5, WindowWidth=9, VOILUTFunction="CUBIC")), ["VOILUTFunction"]),
    "slope": (dicom(dataset(RescaleSlope=0, RescaleIntercept=5)), ["RescaleSlope", "correct"]),
    "high bit": (dicom(dataset(HighBit=15)), ["HighBit is 15", "BitsStored 12", "for 11"]),
    "colour": (
        dicom(dataset(PhotometricInterpretation="RGB", SamplesPerPixel=3)),
        ["PhotometricInterpretation", "RGB"],
    ),
    "frames": (dicom(dataset(NumberOfFrames=2)), ["NumberOfFrames", "split"]),
    "deflated": (with_syntax("1.2.840.10008.1.2.1.99"), ["Deflated Explicit VR Little Endian", "uncompressed"]),
    "bits": (dicom(dataset(BitsAllocated=32)), ["BitsAllocated", "32"]),
    "no pixels": (dicom(dataset(PixelData=None)), ["no PixelData"]),
}


@pytest.mark.parametrize(("content", "words"), NAMED.values(), ids=NAMED)
def test_the_attribute_and_the_cure_are_named(content, words):
    with pytest.raises(ImageError) as caught:
        decode(ImageRecord("a", content))

    assert [word for word in words if word not in caught.value.message] == []
