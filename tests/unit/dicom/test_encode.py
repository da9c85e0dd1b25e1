import io

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import SecondaryCaptureImageStorage
from support.dicom_receiver import as_file, radiograph
from support.fakes import picture

from cxrgate.core import ImageRecord, MediaType
from cxrgate.dicom.encode import encode_dicom
from cxrgate.images.codec.decode import decode

FLAT = np.full((64, 64), 7, np.uint8) + np.eye(64, dtype=np.uint8)


@pytest.mark.parametrize("pixels", [picture(1), picture(2, (97, 65)), FLAT])
def test_what_is_read_back_are_the_pixels_that_were_checked(pixels):
    _, content = encode_dicom(pixels)

    assert np.array_equal(decode(ImageRecord("x", content, declared=MediaType.DICOM)).pixels, pixels)


def test_it_is_marked_as_synthetic_and_holds_only_what_is_listed_here():
    uid, content = encode_dicom(picture(1))
    dataset = dcmread(io.BytesIO(content))

    assert dataset.SOPInstanceUID == uid
    assert (dataset.SOPClassUID, dataset.ConversionType, dataset.SyntheticData) == (
        SecondaryCaptureImageStorage,
        "SYN",
        "YES",
    )
    filled = {element.keyword for element in dataset if element.value not in ("", None)}
    assert filled == {
        *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientName", "PatientID"),
        *("Modality", "ConversionType", "SyntheticData", "ImageType", "SeriesNumber", "InstanceNumber"),
        *("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit"),
        *("PixelRepresentation", "WindowCenter", "WindowWidth", "PixelData"),
    }
    assert content[:128] == bytes(128)


def test_equal_pixels_give_equal_files_and_others_other_uids():
    assert encode_dicom(picture(1)) == encode_dicom(picture(1))
    assert encode_dicom(picture(1))[0] != encode_dicom(picture(2))[0]
    dataset = dcmread(io.BytesIO(encode_dicom(picture(1))[1]))
    assert len({dataset.SOPInstanceUID, dataset.SeriesInstanceUID, dataset.StudyInstanceUID}) == 3
    assert as_file(radiograph(1)[0]) != encode_dicom(radiograph(1)[1])[1]
