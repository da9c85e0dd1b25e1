"""The one decode function: enrolment and checking see the same pixels for the same bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import GreyImage, ImageError, ImageRecord, MediaType
from cxrgate.images.codec import bmp, jpeg, jpeg2000, npy, png, tiff, webp
from cxrgate.images.codec.dicom.read import MARK, MARK_OFFSET, decode_dicom
from cxrgate.images.codec.limits import check_size
from cxrgate.images.codec.raster import decode_raster

READ = "PNG, JPEG, DICOM, TIFF, BMP, lossless WebP, JPEG 2000 or .npy"

_SIGNATURES = {
    png.SIGNATURE: MediaType.PNG,
    jpeg.SIGNATURE: MediaType.JPEG,
    jpeg2000.FILE_SIGNATURE: MediaType.JPEG2000,
    jpeg2000.STREAM_SIGNATURE: MediaType.JPEG2000,
    npy.SIGNATURE: MediaType.NPY,
    **dict.fromkeys(tiff.SIGNATURES, MediaType.TIFF),
}
_NOT_READ = {
    b"GIF8": "a GIF: save it as PNG",
    b"P5": "a PGM: save it as PNG",
    b"II+\0": "a BigTIFF: save it as a plain TIFF or as PNG",
    b"MM\0+": "a BigTIFF: save it as a plain TIFF or as PNG",
    b"NRRD": "an NRRD file: save each picture in it as PNG",
    b"\x89HDF": "an HDF5 file: save each picture in it as PNG",
    b"%PDF": "a PDF: export its picture as PNG",
    b"\x1f\x8b": "gzip data: unpack it (and save each picture of a .nii.gz as PNG)",
    b"PK\x03\x04": "a ZIP or .npz archive: send each image in it by itself",
    b"version https://git-lfs": "a Git LFS pointer: fetch the file itself with `git lfs pull`",
    b"<": "a web page or SVG: fetch the image itself",
}
_NIFTI, _NIFTI_OFFSET = (b"n+1\0", b"ni1\0"), 344


def decode(record: ImageRecord) -> GreyImage:
    """Decode an image of any kind that is read to 8-bit grey.

    Raises:
        ImageError: with a reason that names what is wrong; bad bytes raise nothing else but, where a limit on
            memory is set, MemoryError.
    """
    check_size(record.content)
    media = _media(record)
    if record.declared not in {None, media}:
        raise ImageError("FORMAT_MISMATCH", f"the sender says {record.declared}, the content is {media}")
    return GreyImage(record.image_id, *_pixels(record, media))


def _pixels(record: ImageRecord, media: MediaType) -> tuple[NDArray[np.uint8], bool]:
    if media is MediaType.DICOM:
        return decode_dicom(record.content), False
    if media is MediaType.JPEG2000:
        return jpeg2000.decode_jpeg2000(record.content)
    if media is MediaType.NPY:
        return npy.decode_npy(record.content, record.value_range)
    return decode_raster(record.content, media)


def _media(record: ImageRecord) -> MediaType:
    """The encoding that the content shows, whatever its name says."""
    content = record.content
    for signature, media in _SIGNATURES.items():
        if content.startswith(signature):
            return media
    if webp.is_webp(content):
        return MediaType.WEBP
    # A DICOM file's preamble may begin with anything; and without one it is taken for one where its sender says so.
    if content[MARK_OFFSET : MARK_OFFSET + len(MARK)] == MARK or record.declared is MediaType.DICOM:
        return MediaType.DICOM
    if content.startswith(bmp.SIGNATURE):
        return MediaType.BMP
    if len(content) < len(png.SIGNATURE):
        raise ImageError("TRUNCATED", f"the file ends after a few bytes: copy or save it again; {READ} can be read")
    raise ImageError("IMAGE_UNDECODABLE", f"the file is {_named(content)}; {READ} can be read")


def _named(content: bytes) -> str:
    """What it is instead, and the cure, where that is known."""
    if content[_NIFTI_OFFSET : _NIFTI_OFFSET + 4] in _NIFTI:
        return "a NIfTI volume: save each picture in it as PNG"
    return next((name for start, name in _NOT_READ.items() if content.startswith(start)), "of another kind")
