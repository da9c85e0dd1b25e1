"""The one decode function: enrolment and checking see the same pixels for the same bytes."""

from __future__ import annotations

from cxrgate.core import GreyImage, ImageError, ImageRecord, MediaType
from cxrgate.images.codec import jpeg, png
from cxrgate.images.codec.dicom.read import MARK, MARK_OFFSET, decode_dicom
from cxrgate.images.codec.limits import check_size
from cxrgate.images.codec.raster import decode_raster


def decode(record: ImageRecord) -> GreyImage:
    """Decode a PNG, JPEG or DICOM image to 8-bit grey.

    Raises:
        ImageError: with a reason that names what is wrong; bad bytes raise nothing else but, where a limit on
            memory is set, MemoryError.
    """
    check_size(record.content)
    media = _media(record)
    if record.declared not in {None, media}:
        raise ImageError("FORMAT_MISMATCH", f"expected {record.declared} as the name says, got {media}")
    if media is MediaType.DICOM:
        return GreyImage(record.image_id, decode_dicom(record.content))
    pixels, colour = decode_raster(record.content, media)
    return GreyImage(record.image_id, pixels, colour)


def _media(record: ImageRecord) -> MediaType:
    """The encoding that the content shows, whatever its name says."""
    content = record.content
    if content.startswith(png.SIGNATURE):
        return MediaType.PNG
    if content.startswith(jpeg.SIGNATURE):
        return MediaType.JPEG
    if content[MARK_OFFSET : MARK_OFFSET + len(MARK)] == MARK:
        return MediaType.DICOM
    if record.declared is MediaType.DICOM:
        raise ImageError("DICOM_HEADER", "expected a DICOM file with preamble and header")
    if len(content) < len(png.SIGNATURE):
        raise ImageError("TRUNCATED", "expected a PNG, JPEG or DICOM file, got a few bytes")
    raise ImageError("IMAGE_UNDECODABLE", "expected a PNG, JPEG or DICOM file")
