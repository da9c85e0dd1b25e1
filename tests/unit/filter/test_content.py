import os

import pytest

from cxrgate.core import UsageError
from cxrgate.filter.content import content_digest
from cxrgate.images import ImageFile


@pytest.fixture
def files(tmp_path):
    made = []
    for name in ("a", "b"):
        path = tmp_path / name
        path.write_bytes(name.encode())
        made.append(ImageFile(path, name, patient_id=f"patient {name}"))
    return made


def digest(files, tmp_path, **about):
    return content_digest(files, about, tmp_path / "digests.csv")


def test_it_covers_what_else_a_snapshot_depends_on(files, tmp_path):
    assert digest(files, tmp_path, models="m") == digest(files, tmp_path, models="m")
    assert digest(files, tmp_path, models="m") != digest(files, tmp_path, models="n")


def test_it_covers_the_order(files, tmp_path):
    assert digest(files, tmp_path) != digest(files[::-1], tmp_path)


def test_a_table_that_cannot_be_read_is_made_again(files, tmp_path):
    before = digest(files, tmp_path)
    (tmp_path / "digests.csv").write_bytes(b"\xff\x00,no,table")

    assert digest(files, tmp_path) == before
    assert len((tmp_path / "digests.csv").read_text().splitlines()) == 2


def test_a_pipe_is_refused_and_not_waited_for(files, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="pipe"):
        digest([*files, ImageFile(tmp_path / "pipe", "pipe")], tmp_path)
