import tracemalloc

import pytest

from cxrgate.core import UsageError
from cxrgate.core.digest import bytes_digest
from cxrgate.run.released_files import ReleasedFiles

FILES = {f"{number % 7}/\u00e4{number}.png": bytes_digest(bytes([number % 256])) for number in range(5000)}


def test_it_is_the_mapping_that_was_given_in_the_order_of_its_names():
    packed = ReleasedFiles(FILES.items())

    assert list(packed.items()) == sorted(FILES.items())
    assert len(packed) == 5000
    assert "0/none.png" not in packed
    with pytest.raises(KeyError):
        packed["~"]


def test_of_one_name_the_last_digest_counts():
    again = ReleasedFiles([*FILES.items(), ("0/\u00e40.png", "ab" * 32)])

    assert dict(again) == {**FILES, "0/\u00e40.png": "ab" * 32}


def test_a_set_may_be_empty():
    assert dict(ReleasedFiles([])) == {}
    assert "a" not in ReleasedFiles([])


def test_what_is_no_name_is_not_in_it():
    assert None not in ReleasedFiles(FILES.items())


def test_digests_that_would_shift_into_each_other_are_refused():
    with pytest.raises(UsageError, match="another length"):
        ReleasedFiles([("a", "ab" * 31), ("b", "ab" * 33)])


def test_a_name_that_cannot_be_written_is_refused():
    with pytest.raises(UsageError, match="damaged"):
        ReleasedFiles([("\ud800.png", "ab" * 32)])


def test_building_it_takes_little_more_than_what_is_kept():
    digest = "ab" * 32
    tracemalloc.start()
    try:
        packed = ReleasedFiles((f"{number * 7919 % 40_000:05}.png", digest) for number in range(40_000))
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(packed) == 40_000
    assert kept < 60 * 40_000
    assert peak < 1.8 * kept
