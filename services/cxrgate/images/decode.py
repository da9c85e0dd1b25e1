"""The one decode function: enrolment and checking see the same pixels for the same bytes."""

from __future__ import annotations

from cxrgate.core import GreyImage, ImageError, ImageRecord, MediaType
from cxrgate.images.dicom import MARK, MARK_OFFSET, decode_dicom
from cxrgate.images.limits import check_size
from cxrgate.images.png import SIGNATURE
from cxrgate.images.raster import decode_raster

_JPEG = b"\xff\xd8\xff"


def decode(record: ImageRecord) -> GreyImage:
    """Decode a PNG, JPEG or DICOM image to 8-bit grey.

    Raises:
        ImageError: with a reason that names what is wrong; never anything else for bad bytes.
    """
    check_size(record.content)
    media = _media(record.content)
    if record.declared not in {None, media}:
        raise ImageError("FORMAT_MISMATCH", f"expected {record.declared} as the name says, got {media.value}")
    if media is MediaType.DICOM:
        return GreyImage(record.image_id, decode_dicom(record.content))
    pixels, colour = decode_raster(record.content, media)
    return GreyImage(record.image_id, pixels, colour)


def _media(content: bytes) -> MediaType:
    if content.startswith(SIGNATURE):
        return MediaType.PNG
    if content.startswith(_JPEG):
        return MediaType.JPEG
    if content[MARK_OFFSET : MARK_OFFSET + len(MARK)] == MARK:
        return MediaType.DICOM
    if len(content) < len(SIGNATURE):
        raise ImageError("TRUNCATED", "expected a PNG, JPEG or DICOM file, got a few bytes")
    raise ImageError("IMAGE_UNDECODABLE", "expected a PNG, JPEG or DICOM file")
