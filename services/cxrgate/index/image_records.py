"""Which images a snapshot was made from: per reference two keyed digests, in its part `images`.

    stamps   uint8[n, 16]   of the image's name, its file's size and the time at which the file was changed
    pixels   uint8[n, 16]   of the decoded pixels, whatever file they came from

The name and the patient are compared by the reference id and the patient key, which are keyed digests as well. So
whoever has the key and the files can tell whether they are the enrolled ones, and nobody else learns anything: a served
snapshot holds no name, no patient id and no file size (sizes and times alone tell which public data set a row is
from), and without the key a guess at an image cannot be tried against it. Whoever has both the key and the snapshot
can try guesses: the key stays on the enrolment host, as it did before.

Rows of zeros stand for images of which nothing is known, enrolled through an index service.
"""

from __future__ import annotations

from cxrgate.index.keys import ID_BYTES, opaque_id

STAMPS, PIXELS = "stamps", "pixels"
NOT_KNOWN = bytes(ID_BYTES)
NO_FILE = (-1, -1)
"""The stamp of a file that is not there."""


def stamp_digest(key: bytes, image_id: str, stamp: tuple[int, int]) -> bytes:
    """16 bytes that stand for a file's size in bytes and its time of change in nanoseconds."""
    size, modified = stamp
    return NOT_KNOWN if stamp == NO_FILE else opaque_id(key, "file", f"{size}\0{modified}\0{image_id}")


def pixels_digest(key: bytes, digest: str) -> bytes:
    """16 bytes that stand for decoded pixels, from their digest in hex."""
    return opaque_id(key, "pixels", digest)
