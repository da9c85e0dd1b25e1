"""What the host fails at is no answer about an image, at opening and in the middle of reading."""

import errno
import io
import os
import zipfile

import numpy as np
import pytest

from cxrgate.core import Decision, ImageError, Stage, UsageError
from cxrgate.images import ImageFile, list_folder
from cxrgate.images.sources import arrays, regular

NUMBERS = [
    (errno.EMFILE, True),
    (errno.EIO, True),
    (errno.ESTALE, True),
    (errno.EHOSTDOWN, True),
    (errno.ENOENT, False),
    (errno.EACCES, False),
]


def failing(number):
    def fails(*_):
        raise OSError(number, os.strerror(number))

    return fails


def failure_of(file):
    with pytest.raises(ImageError) as raised:
        file.read()
    failure = raised.value.failure(file.image_id, Stage.READ)
    assert failure.decision is Decision.INDETERMINATE
    return failure.reason, failure.is_host_fault


@pytest.fixture
def image(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x" * 100)
    return ImageFile(tmp_path / "a.png", "a.png")


def test_a_file_that_is_not_there_is_told_apart_from_one_that_may_not_be_read(image, monkeypatch):
    with pytest.raises(ImageError, match="there is no such file"):
        ImageFile(image.path / "inside.png", "a.png").read()
    monkeypatch.setattr(os, "open", failing(errno.EACCES))
    with pytest.raises(ImageError, match="permissions"):
        image.read()


@pytest.mark.parametrize(("number", "host"), NUMBERS)
def test_a_host_that_cannot_open_a_file_is_no_fault_of_the_image(image, monkeypatch, number, host):
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", failing(number))
        found = failure_of(image)

    assert found == ("FILE_UNREADABLE", host)


class Broken(io.FileIO):
    """A file whose disk fails on reading."""

    number = errno.EIO

    def read(self, _size=-1):
        raise OSError(self.number, "x")


def test_a_disk_that_fails_while_a_file_is_read_is_no_fault_of_the_image(image, monkeypatch):
    monkeypatch.setattr(os, "fdopen", Broken)

    assert failure_of(image) == ("FILE_UNREADABLE", True)


class Shrinking(io.FileIO):
    """A file that another process makes shorter before it is read."""

    def read(self, size=-1):
        os.truncate(self.fileno(), 50)
        return super().read(size)


class Growing(io.FileIO):
    """A file that another process writes on while it is read."""

    def read(self, size=-1):
        content = super().read(size)
        os.utime(self.name, ns=(0, 1))
        return content


@pytest.mark.parametrize("kind", [Shrinking, Growing])
def test_a_file_that_changes_while_it_is_read_is_tried_again(image, monkeypatch, kind):
    monkeypatch.setattr(os, "fdopen", lambda descriptor, _mode: (os.close(descriptor), kind(image.path, "r+"))[1])

    assert failure_of(image) == ("FILE_UNREADABLE", True)


def test_a_pipe_is_never_read(tmp_path):
    os.mkfifo(tmp_path / "a.png")

    assert failure_of(ImageFile(tmp_path / "a.png", "a.png")) == ("FILE_IRREGULAR", False)


@pytest.fixture(params=["a.npy", "a.npz"])
def row(request, tmp_path):
    """The second of three images in an array file, in an archive that has to be inflated."""
    path = tmp_path / request.param
    values = np.arange(3 * 64 * 64 * 3, dtype=np.uint8).reshape(3, 64, 64, 3)
    if path.suffix == ".npy":
        np.save(path, values)
    else:
        np.savez_compressed(path, values)
    arrays._inflated.cache_clear()
    return list_folder(tmp_path)[1]


def test_a_host_that_fails_while_a_row_is_read_is_no_fault_of_the_row(row, monkeypatch):
    monkeypatch.setattr(os, "pread", failing(errno.EIO))
    monkeypatch.setattr(zipfile, "ZipFile", failing(errno.EIO))

    assert failure_of(row) == ("FILE_UNREADABLE", True)


def test_a_row_that_is_gone_meanwhile_is_tried_again(row):
    os.truncate(row.path, 200)

    reason, host = failure_of(row)
    assert (reason, host) == ("FILE_UNREADABLE", row.path.suffix == ".npy")


def test_an_array_file_that_the_host_cannot_read_is_not_listed_as_another_kind(row, monkeypatch):
    monkeypatch.setattr(arrays, "read_header", failing(errno.EIO))

    with pytest.raises(UsageError, match=r"a\.np. cannot be read now"):
        list_folder(row.path.parent)


def test_the_start_of_a_file_is_read_alike(image, monkeypatch):
    assert regular.read_start(image.path, 3) == b"xxx"
    monkeypatch.setattr(os, "open", failing(errno.EMFILE))

    with pytest.raises(regular.FileUnreachable):
        regular.read_start(image.path, 3)
