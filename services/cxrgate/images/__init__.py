"""Images: sources, the one decode function and its sandbox, the canonical encoding, descriptors without weights."""

from cxrgate.images.codec.decode import decode
from cxrgate.images.codec.encode import encode_png
from cxrgate.images.descriptors import (
    COPY_METHOD,
    COPY_THRESHOLD,
    JOINED_METHOD,
    join_copies,
    split_copies,
    weight_free,
)
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.images.sources.files import ImageFile, list_csv, list_folder
from cxrgate.images.sources.layouts import Layout, list_source

__all__ = [
    "COPY_METHOD",
    "COPY_THRESHOLD",
    "JOINED_METHOD",
    "ImageFile",
    "Layout",
    "SandboxedDecoder",
    "decode",
    "encode_png",
    "join_copies",
    "list_csv",
    "list_folder",
    "list_source",
    "split_copies",
    "weight_free",
]
