"""Headers of arrays are read under one lock, wherever a thread reads one."""

import io

import numpy as np
import pytest
from numpy.lib import format as npy_format

from cxrgate.images.codec.npy import read_header
from cxrgate.index.array_files import describe_array, map_array, read_array, write_array
from cxrgate.storage.array_headers import ARRAY_HEADERS

ARRAY = np.arange(12, dtype=np.float32).reshape(3, 4)


@pytest.fixture
def locked(monkeypatch):
    """For each header that was read, whether the lock was held; numpy reads all of them by this function."""
    found = []
    reader = npy_format.read_array_header_1_0.__globals__
    read = reader["_read_array_header"]

    def seen(*args, **kwargs):
        found.append(ARRAY_HEADERS.locked())
        return read(*args, **kwargs)

    monkeypatch.setitem(reader, "_read_array_header", seen)
    return found


def test_a_snapshots_arrays_are_read_under_the_lock(locked, tmp_path):
    entry = write_array(tmp_path, "features", ARRAY)
    assert np.array_equal(read_array(tmp_path, "features", entry), ARRAY)
    assert np.array_equal(map_array(tmp_path, "features", entry), ARRAY)
    assert describe_array(tmp_path, "features") == entry
    assert (len(locked), all(locked)) == (4, True)
    assert not ARRAY_HEADERS.locked()


def test_an_images_array_is_read_under_the_lock(locked):
    file = io.BytesIO()
    np.save(file, ARRAY)
    file.seek(0)
    assert read_header(file) == (ARRAY.shape, ARRAY.dtype, False)
    assert locked == [True]
