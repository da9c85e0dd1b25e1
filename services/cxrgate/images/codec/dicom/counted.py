"""A limit on how many elements of a DICOM object are read: pydicom makes objects of about 37 times an empty one's size.

Elements are counted as pydicom reads them, wherever they stand: in the file meta group, in the data set, in sequences.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

from cxrgate.core import ImageError

ELEMENTS = 10_000
"""Elements and items of sequences, skipped ones too; a value of 8 bytes counts as one more. Radiographs have some
hundreds."""

_HEAD = 8
"""Bytes of which an element's tag, kind and length are read, and an item's tag and length."""


class CountedFile(io.BytesIO):
    """The bytes of an object, which end reading at the limit.

    Attributes:
        heads: how many elements and items were begun.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.heads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as any file does.

        Raises:
            ImageError: DICOM_STRUCTURE, there are more than ELEMENTS.
        """
        if size == _HEAD:
            self.heads += 1
            if self.heads > ELEMENTS:
                raise _too_many()
        return super().read(size)


@contextlib.contextmanager
def counted(content: bytes) -> Iterator[CountedFile]:
    """The bytes of an object as a file that is read as far as the limit.

    Raises:
        ImageError: DICOM_STRUCTURE, it has more than ELEMENTS, or sequences that are nested too deeply.
    """
    file = CountedFile(content)
    try:
        yield file
    except RecursionError as error:
        raise ImageError("DICOM_STRUCTURE", "sequences are nested too deeply: remove them") from error
    except Exception as error:
        if file.heads > ELEMENTS:  # within a sequence pydicom makes an OSError of what is raised while it reads
            raise _too_many() from error
        raise


def _too_many() -> ImageError:
    return ImageError(
        "DICOM_STRUCTURE", f"the object has more than {ELEMENTS} elements: remove private elements and sequences"
    )
