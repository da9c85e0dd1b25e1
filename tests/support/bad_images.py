"""Image files that must be refused, or read in one certain way, built byte by byte."""

from __future__ import annotations

import contextlib
import io
import struct
import time
import tracemalloc
import warnings
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRBigEndian, ExplicitVRLittleEndian

from cxrgate.core import ImageError, ImageRecord, MediaType
from cxrgate.images.codec.decode import decode

SIDE = 96
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def ramp(side: int = SIDE) -> np.ndarray:
    """A picture uint8[side, side] with every column and row different."""
    rows, columns = np.mgrid[0:side, 0:side]
    return np.asarray((rows * 3 + columns * 5) % 251, np.uint8)


def chunk(name: bytes, data: bytes = b"") -> bytes:
    """One PNG chunk."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def header(width: int, height: int, depth: int = 8, colour: int = 0, interlace: int = 0) -> bytes:
    """An IHDR chunk."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def png(pixels: np.ndarray | None = None, before: bytes = b"", after: bytes = b"", data: bytes | None = None) -> bytes:
    """A grey PNG with chunks before and after its pixels, or with `data` as the content of IDAT."""
    pixels = ramp() if pixels is None else pixels
    raw = b"".join(b"\0" + row.tobytes() for row in pixels)
    idat = chunk(b"IDAT", zlib.compress(raw) if data is None else data)
    return SIGNATURE + header(pixels.shape[1], pixels.shape[0]) + before + idat + after + chunk(b"IEND")


def saved(image: Image.Image, media: str, **options: object) -> bytes:
    """What Pillow writes."""
    buffer = io.BytesIO()
    image.save(buffer, media, **options)
    return buffer.getvalue()


def grey(mode: str = "L") -> Image.Image:
    """The ramp in any mode."""
    return Image.fromarray(ramp()).convert(mode)


def two_layers(mode: str) -> Image.Image:
    """A constant picture with the ramp in its alpha channel."""
    image = Image.new(mode, (SIDE, SIDE))
    image.putalpha(grey())
    return image


def turned(orientation: int) -> Image.Exif:
    """Exif data that ask a viewer to turn the picture."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def segment(marker: int, data: bytes) -> bytes:
    """One JPEG segment."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def jpeg(**options: object) -> bytes:
    """A grey JPEG."""
    return saved(grey(), "JPEG", **options)


def with_frame(marker: int = 0xC0, precision: int = 8, components: int = 1, side: int = SIDE) -> bytes:
    """A grey JPEG whose frame header says something else."""
    content = jpeg()
    start = content.index(b"\xff\xc0")
    length = int.from_bytes(content[start + 2 : start + 4])
    data = struct.pack(">BHHB", precision, side, side, components) + b"\1\x11\0" * components
    return content[:start] + segment(marker, data) + content[start + 2 + length :]


def stored(bits: int = 12) -> np.ndarray:
    """Stored values int64[SIDE, SIDE] over the whole range of unsigned `bits`."""
    return np.linspace(0, 2**bits - 1, SIDE * SIDE).round().astype(np.int64).reshape(SIDE, SIDE)


def dataset(values: np.ndarray | None = None, *, signed: bool = False, allocated: int = 16, **tags: object) -> Dataset:
    """A DX data set of 12 bits with `values` as pixels; `tags` replace or (None) remove elements."""
    values = stored() if values is None else values
    made = Dataset()
    made.Modality, made.PhotometricInterpretation, made.SamplesPerPixel = "DX", "MONOCHROME2", 1
    made.Rows, made.Columns = values.shape
    made.BitsAllocated, made.BitsStored, made.HighBit = allocated, min(12, allocated), min(12, allocated) - 1
    made.PixelRepresentation = int(signed)
    made.PixelData = values.astype(f"<{'i' if signed else 'u'}{allocated // 8}").tobytes()
    for name, value in tags.items():
        if value is None:
            delattr(made, name)
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom remarks on bad values
            setattr(made, name, value)
    return made


def dicom(made: Dataset | None = None, syntax: str = ExplicitVRLittleEndian, preamble: bytes = bytes(128)) -> bytes:
    """A DICOM file, encoded explicitly unless `syntax` is the implicit one."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    made = dataset() if made is None else made
    if syntax == ExplicitVRBigEndian:
        file = made  # a FileDataset would count as little endian
        file.file_meta = meta
    else:
        file = FileDataset("", made, file_meta=meta, preamble=preamble)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def split(content: bytes) -> tuple[bytes, bytes]:
    """A DICOM file's preamble with its meta group, and its data set."""
    length = 132 + 12 + int.from_bytes(content[140:144], "little")
    return content[:length], content[length:]


def with_syntax(uid: str) -> bytes:
    """A file that says of itself that it has another transfer syntax."""
    meta, data = split(dicom())
    old, new = b"1.2.840.10008.1.2.1\0", uid.encode() + b"\0" * (len(uid) % 2)
    changed = meta.replace(struct.pack("<H", len(old)) + old, struct.pack("<H", len(new)) + new)
    length = struct.unpack_from("<I", changed, 140)[0] + len(new) - len(old)
    return changed[:140] + struct.pack("<I", length) + changed[144:] + data


def element(group: int, number: int, kind: bytes, data: bytes, length: int | None = None) -> bytes:
    """One explicit little endian element; `length` may lie."""
    length = len(data) if length is None else length
    long = kind in {b"OB", b"OW", b"SQ", b"UN", b"UT"}
    size = struct.pack("<HI", 0, length) if long else struct.pack("<H", length)
    return struct.pack("<HH", group, number) + kind + size + data


def look_up_table(entries: list[int], bits: int, first: int = 0) -> Dataset:
    """An item of a modality or VOI LUT sequence."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries) % 2**16, first, bits])
    item.add_new("LUTData", "OW", np.asarray(entries, "<u2").tobytes())
    return item


def reason(content: bytes, declared: MediaType | None = None) -> str:
    """Why the file is refused."""
    with pytest.raises(ImageError) as caught:
        decode(ImageRecord("a", content, declared=declared))
    return caught.value.reason


def pixels(content: bytes) -> np.ndarray:
    """What the file shows, uint8[height, width]."""
    return decode(ImageRecord("a", content)).pixels


def zipped(content: bytes = b"hidden") -> bytes:
    """A ZIP archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", content)
    return buffer.getvalue()


@contextlib.contextmanager
def little_cost(memory: int, seconds: float) -> Iterator[None]:
    """Fail where Python's own allocations pass `memory` bytes, or the processor time `seconds`."""
    start = time.process_time()
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < memory
    assert time.process_time() - start < seconds
