"""A DICOM radiograph's stored values to 8-bit grey, by one table over every value that its bits can hold.

Every step is a function of the stored value alone, so it is taken once per value and not once per pixel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels.processing import apply_windowing

from cxrgate.core import ImageError

_FAR = 1e12
"""Below and above every window."""

_FUNCTIONS = {"LINEAR", "LINEAR_EXACT", "SIGMOID"}
"""Of windows (PS3.3, C.11.2.1.3)."""


def to_grey(dataset: Dataset, values: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Pixels uint8[rows, columns], 0 black.

    Stored values go through modality LUT or rescale, then through VOI LUT or window (the first, where there are
    several). The range of that LUT or window, or without one the range of the pixels that are not padding, becomes
    0 to 255; MONOCHROME1 is inverted, padding is black (DICOM PS3.3 C.7.6.3.1.2, C.11.1, C.11.2, C.7.5.1.1.2).

    Args:
        dataset: with consistent BitsStored and PixelRepresentation, and PhotometricInterpretation as the standard
            spells it.
        values: stored values that BitsStored holds, see stored_values.

    Raises:
        ImageError: DICOM_TAGS for a window or look-up table that cannot be used, NONFINITE for infinite or undefined
            values.
    """
    bits, signed = int(dataset.BitsStored), int(dataset.PixelRepresentation)
    lowest = -(2 ** (bits - 1)) if signed else 0
    index = values - lowest
    return _table(dataset, np.arange(lowest, lowest + 2**bits), index)[index]


def _table(dataset: Dataset, stored: NDArray[np.int64], index: NDArray[np.int32]) -> NDArray[np.uint8]:
    """The grey level of each stored value, uint8[2 ** BitsStored]."""
    padding = _padding(dataset, stored)
    rescaled = _rescale(dataset, stored)
    values, (low, high) = _window(dataset, rescaled)
    if np.isnan(low):
        present = values[(np.bincount(index.ravel(), minlength=stored.size) > 0) & ~padding]
        low, high = (present.min(), present.max()) if present.size else (0.0, 0.0)
    if not all(np.isfinite(numbers).all() for numbers in (rescaled, values, (low, high))):
        raise ImageError(
            "NONFINITE",
            "rescaling and windowing give NaN or infinity: correct RescaleSlope, RescaleIntercept and the window",
        )
    share = np.clip((values - low) / (high - low), 0, 1) if high != low else np.zeros(values.shape)
    grey = 1 - share if dataset.PhotometricInterpretation == "MONOCHROME1" else share
    return np.asarray(np.rint(np.where(padding, 0, grey) * 255), dtype=np.uint8)


def _padding(dataset: Dataset, stored: NDArray[np.int64]) -> NDArray[np.bool_]:
    first = dataset.get("PixelPaddingValue")
    if first is None:
        return np.zeros(stored.shape, bool)
    last = dataset.get("PixelPaddingRangeLimit")
    low, high = sorted((int(first), int(first if last is None else last)))
    return np.asarray((stored >= low) & (stored <= high))


def _rescale(dataset: Dataset, stored: NDArray[np.int64]) -> NDArray[np.float64]:
    if dataset.get("ModalityLUTSequence"):
        return _look_up(dataset.ModalityLUTSequence[0], stored, dataset)
    slope, intercept = (_number_or(dataset, *item) for item in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0)))
    if slope == 0:
        raise ImageError("DICOM_TAGS", "RescaleSlope is 0, which leaves nothing of the image: correct it")
    return np.asarray(stored * slope + intercept, dtype=np.float64)


def _number_or(dataset: Dataset, name: str, default: float) -> float:
    """The first value of an attribute, the default where it is missing or empty."""
    return default if _is_empty(dataset, name) else first_number(dataset, name)


def _window(dataset: Dataset, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Values after LUT or window, and what they range over; NaN without either."""
    if dataset.get("VOILUTSequence"):
        values = _look_up(dataset.VOILUTSequence[0], values, dataset)
        return values, (float(values.min()), float(values.max()))
    if _is_empty(dataset, "WindowCenter") or _is_empty(dataset, "WindowWidth"):
        return values, (np.nan, np.nan)
    _check_window(dataset)
    low, high = apply_windowing(np.asarray([-_FAR, _FAR]), dataset)
    return np.asarray(apply_windowing(values, dataset)), (float(low), float(high))


def _is_empty(dataset: Dataset, name: str) -> bool:
    return name not in dataset or dataset[name].is_empty


def _check_window(dataset: Dataset) -> None:
    """Raise ImageError unless the first window can be used (PS3.3, C.11.2.1.2)."""
    center, width = (first_number(dataset, name) for name in ("WindowCenter", "WindowWidth"))
    function = str(dataset.get("VOILUTFunction") or "LINEAR").strip().upper()
    if function not in _FUNCTIONS:
        raise ImageError(
            "DICOM_TAGS", f"VOILUTFunction is none of {', '.join(sorted(_FUNCTIONS))}: correct or remove it"
        )
    if not np.isfinite(center) or not (width >= 1 if function == "LINEAR" else width > 0):
        raise ImageError(
            "DICOM_TAGS",
            "WindowWidth is 0 or less: correct the window, or remove WindowCenter and WindowWidth",
        )


def first_number(dataset: Dataset, name: str) -> float:
    """The first value of an attribute.

    Raises:
        ImageError: DICOM_TAGS, it is no number.
    """
    try:
        value = dataset[name].value
        return float(value if isinstance(value, int | float | str) else value[0])
    except Exception as error:  # pydicom raises whatever a broken value leads to
        raise ImageError("DICOM_TAGS", f"{name} is no number: correct or remove it") from error


def _look_up(item: Dataset, values: NDArray[np.number], dataset: Dataset) -> NDArray[np.float64]:
    """Values through a modality or VOI LUT (our own: pydicom 3.0 takes an 8-bit LUT's index modulo 256)."""
    entries, first, bits = (int(part) for part in item.LUTDescriptor)
    entries = entries or 2**16
    table = _entries(item.LUTData, entries, bits, little=dataset.original_encoding[1] is not False)
    if table.size < entries:
        raise ImageError(
            "DICOM_TAGS",
            f"the look-up table has {table.size} entries, its descriptor says {entries}: correct or remove it",
        )
    index = np.clip(np.rint(values) - first, 0, entries - 1).astype(np.int64)
    return np.asarray(table[index], dtype=np.float64)


def _entries(data: object, entries: int, bits: int, *, little: bool) -> NDArray[np.number]:
    """The entries of LUTData: words, which pydicom leaves in the file's order, or 8 bits two to a word."""
    if not isinstance(data, bytes):
        return np.atleast_1d(np.asarray(data))
    if bits == 8 and little and len(data) == entries + entries % 2:
        return np.frombuffer(data, np.uint8)
    return np.frombuffer(data, "<u2" if little else ">u2")
