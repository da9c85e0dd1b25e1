"""What an image's pixels come from."""

import hashlib
from importlib.metadata import version

from cxrgate.core import Failure, ImageRecord, Stage
from cxrgate.run.sources import NO_SOURCE, sources_of


def test_a_source_is_the_files_bytes_and_how_they_are_decoded():
    plain, floats, failed = sources_of(
        [
            ImageRecord("a.png", b"a"),
            ImageRecord("a.npy", b"a", value_range=(0, 1.5)),
            Failure("b.png", Stage.READ, "NOT_FOUND", "UNREADABLE", "gone"),
        ]
    )

    assert plain.digest == floats.digest == hashlib.sha256(b"a").hexdigest()
    assert (plain.decoding, plain.has_range) == (f"cxrgate {version('cxrgate')}", False)
    assert (floats.decoding, floats.has_range) == (f"cxrgate {version('cxrgate')}, float_range [0.0, 1.5]", True)
    assert failed == NO_SOURCE
