"""Rows of a changed snapshot, joined in the new array's file."""

import os

import numpy as np
import pytest

from cxrgate.index.array_files import array_path, join_rows

ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)


def test_kept_rows_come_first_and_added_ones_behind_them(tmp_path):
    joined = join_rows(tmp_path, "identity", ROWS, np.array([0, 3]), ROWS[:1] + 100)
    assert joined.tolist() == [[0, 1, 2], [9, 10, 11], [100, 101, 102]]


def test_room_is_taken_before_rows_are_written(tmp_path, monkeypatch):
    # Without it a full disk is SIGBUS, which no handler sees.
    taken = []

    def full(descriptor, first, size):
        taken.append((first, size))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        join_rows(tmp_path, "identity", ROWS, np.array([0, 3]), ROWS[:1])
    assert taken == [(0, array_path(tmp_path, "identity").stat().st_size)]
