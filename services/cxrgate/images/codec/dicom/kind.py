"""What a DICOM object must be by its attributes before its pixels are touched. No message repeats a value of text."""

from __future__ import annotations

import numpy as np
from pydicom import Dataset

from cxrgate.core import ImageError
from cxrgate.images.codec.dicom.grey import first_number
from cxrgate.images.codec.limits import check_dimensions

MODALITIES = {"CR", "DX", "RG", "OT", ""}
"""Radiographs, and secondary captures of them; what a picture shows is judged by the picture."""

_OTHER_MODALITIES = {
    "CT", "MR", "US", "PT", "NM", "XA", "RF", "MG", "IO", "PX", "ES", "OP", "SM", "XC", "BMD", "SR", "PR", "KO", "SEG",
    "RTDOSE", "RTIMAGE", "RTPLAN", "RTSTRUCT", "REG", "DOC", "ECG", "GM", "OCT", "IVUS",
}  # fmt: skip
"""Those of PS3.3, C.7.3.1.1.1 that a message may name: anything else might be anybody's text."""

_SHAPES = {"MONOCHROME1": "INVERSE", "MONOCHROME2": "IDENTITY"}
"""PresentationLUTShape of each PhotometricInterpretation, where it is stated (PS3.3, C.7.6.1 and C.8.11.3). INVERSE is
the same inversion said twice, and no second one; what C.11.6 has beyond that is of presentation states, not of images.
"""

_COLOURS = {"RGB", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT"}
_REQUIRED = ("PhotometricInterpretation", "SamplesPerPixel", "Rows", "Columns", "BitsAllocated")
_DESCRIBED = ("BitsStored", "PixelRepresentation")
_FLOATS = {"FloatPixelData": "<f4", "DoubleFloatPixelData": "<f8"}


def check_kind(dataset: Dataset) -> None:
    """Raise ImageError unless this is one grey radiograph of a size within the limits.

    Reasons: DICOM_TAGS, DICOM_MODALITY, MODE_FORBIDDEN, FRAMES, DIMENSIONS.
    """
    check_modality(dataset.get("Modality"))
    require(dataset, _REQUIRED)
    photometric = code(dataset.PhotometricInterpretation)
    if photometric not in _SHAPES or first_number(dataset, "SamplesPerPixel") != 1:
        named = photometric if photometric in _COLOURS else "another or several samples per pixel"
        raise ImageError(
            "MODE_FORBIDDEN", f"PhotometricInterpretation is {named}: convert the image to MONOCHROME1 or MONOCHROME2"
        )
    _check_shape(dataset, photometric)
    stated = "NumberOfFrames" in dataset and not dataset["NumberOfFrames"].is_empty
    # 0 stands for nothing stated: the pixels of one frame are there or not.
    if stated and first_number(dataset, "NumberOfFrames") not in {0, 1}:
        raise ImageError("FRAMES", "NumberOfFrames is above 1: split the object into its frames")
    rows, columns = whole_number(dataset, "Rows"), whole_number(dataset, "Columns")
    if rows < 1 or columns < 1:
        raise ImageError("DICOM_TAGS", f"the object has {rows} Rows and {columns} Columns: both must be 1 or more")
    check_dimensions(columns, rows)


def _check_shape(dataset: Dataset, photometric: str) -> None:
    """Raise ImageError (DICOM_TAGS) where two attributes contradict each other on which end of the range is white."""
    shape, expected = code(dataset.get("PresentationLUTShape")), _SHAPES[photometric]
    if shape not in {"", expected}:
        named = shape if shape in _SHAPES.values() else "neither IDENTITY nor INVERSE"
        raise ImageError(
            "DICOM_TAGS",
            f"PresentationLUTShape is {named}, PhotometricInterpretation {photometric} asks for {expected}: "
            "correct the one of them that is wrong",
        )


def check_modality(value: object) -> None:
    """Raise ImageError (DICOM_MODALITY) unless it may be that of a radiograph, compared without case and spaces."""
    modality = code(value)
    if modality not in MODALITIES:
        named = modality if modality in _OTHER_MODALITIES else "one that is none of these"
        raise ImageError("DICOM_MODALITY", f"Modality is {named}; CR, DX, RG, OT or none is taken for a radiograph")


def check_samples(dataset: Dataset) -> None:
    """Raise ImageError (DICOM_TAGS or NONFINITE) unless the attributes of the stored values fit one another."""
    for name, kind in _FLOATS.items():
        if name in dataset:
            finite = np.isfinite(np.frombuffer(dataset[name].value, kind)).all()
            raise ImageError(
                "DICOM_TAGS" if finite else "NONFINITE",
                f"the object has {name} in place of PixelData: store whole numbers",
            )
    require(dataset, ("PixelData",))
    check_bits(dataset)


def check_bits(dataset: Dataset) -> None:
    """Raise ImageError (DICOM_TAGS) unless the attributes that describe a stored value fit one another."""
    require(dataset, _DESCRIBED)
    allocated, stored = whole_number(dataset, "BitsAllocated"), whole_number(dataset, "BitsStored")
    if allocated not in {8, 16} or not 8 <= stored <= allocated:
        raise ImageError(
            "DICOM_TAGS",
            f"BitsAllocated is {allocated} and BitsStored {stored}: store 8 or 16 bits, at least 8 of them used",
        )
    highest = whole_number(dataset, "HighBit") if dataset.get("HighBit") is not None else stored - 1
    if highest != stored - 1:
        raise ImageError("DICOM_TAGS", f"HighBit is {highest}, BitsStored {stored} asks for {stored - 1}: correct it")
    if whole_number(dataset, "PixelRepresentation") not in {0, 1}:
        raise ImageError("DICOM_TAGS", "PixelRepresentation is neither 0 nor 1: correct it")


def require(dataset: Dataset, names: tuple[str, ...]) -> None:
    """Raise ImageError (DICOM_TAGS) for an attribute that is missing or empty."""
    for name in names:
        if dataset.get(name) is None:
            raise ImageError("DICOM_TAGS", f"the object has no {name}: store it again")


def whole_number(dataset: Dataset, name: str) -> int:
    """The one value of an attribute; ImageError (DICOM_TAGS) for anything else."""
    value = dataset[name].value
    if not isinstance(value, int):
        raise ImageError("DICOM_TAGS", f"{name} is not one whole number: correct it")
    return value


def code(value: object) -> str:
    """A code as it is compared: without case and spaces around it."""
    return "" if value is None else str(value).strip().upper()
