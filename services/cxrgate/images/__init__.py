"""Images: sources, the one decode function and its sandbox, the canonical encoding, descriptors without weights."""

from typing import TYPE_CHECKING, Any

from cxrgate.images.sources.csv_list import list_csv
from cxrgate.images.sources.files import ImageFile
from cxrgate.images.sources.folder import list_folder
from cxrgate.images.sources.layouts import list_source, read_listing
from cxrgate.images.sources.listing import Layout, Listing, PatientRule, SourceOptions

if TYPE_CHECKING:
    from cxrgate.images.codec.decode import decode

__all__ = [
    "ImageFile",
    "Layout",
    "Listing",
    "PatientRule",
    "SourceOptions",
    "decode",
    "list_csv",
    "list_folder",
    "list_source",
    "read_listing",
]


def __getattr__(name: str) -> Any:
    """`decode`, whose name is promised to callers, loads Pillow and pydicom when it is asked for."""
    if name == "decode":
        from cxrgate.images.codec.decode import decode  # noqa: PLC0415 - as said above

        return decode
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
