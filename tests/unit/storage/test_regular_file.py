import os

import pytest

from cxrgate.core import ModelError, SnapshotError, UsageError
from cxrgate.gate.config import read_config
from cxrgate.images import SourceOptions, read_listing
from cxrgate.index.manifest import read_manifest
from cxrgate.models.manifest import read_manifest as read_model
from cxrgate.rpc.roles import read_roles
from cxrgate.run.release import read_manifest as read_released
from cxrgate.storage.regular_file import read_regular_file


def test_a_regular_file_is_read_up_to_its_limit(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")

    assert read_regular_file(tmp_path / "a", 5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes"):
        read_regular_file(tmp_path / "a", 4)


def folder(path):
    path.mkdir()


def pipe(path):
    os.mkfifo(path)


def device(path):
    path.symlink_to("/dev/zero")


def memory(path):
    path.symlink_to("/proc/self/mem")


def dangling(path):
    path.symlink_to("nothing")


READERS = {
    "config.yaml": (read_config, UsageError),
    "roles.yaml": (read_roles, UsageError),
    "list.csv": (lambda path: read_listing(path, SourceOptions()), UsageError),
    "list.csv.gz": (lambda path: read_listing(path, SourceOptions()), UsageError),
    "manifest.json": (lambda path: read_manifest(path.parent), SnapshotError),
    "model.json": (lambda path: read_model(path.parent), ModelError),
    "released/manifest.json": (lambda path: read_released(path.parent), UsageError),
}


@pytest.mark.parametrize("make", [folder, pipe, device, memory, dangling])
@pytest.mark.parametrize(("read", "error"), READERS.values(), ids=READERS)
def test_what_is_no_regular_file_is_refused_and_never_waited_for(tmp_path, read, error, make, request):
    name = next(name for name, reader in READERS.items() if reader[0] is read)
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    make(path)

    with pytest.raises(error):
        read(path)
