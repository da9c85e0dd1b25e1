import pytest
from support.image_sets import write_config, write_sets

from cxrgate.core import UsageError
from cxrgate.gate.config import read_config
from cxrgate.index import Snapshot
from cxrgate.index.build import EnrolmentError
from cxrgate.run.run import run


@pytest.fixture
def folder(tmp_path):
    write_sets(tmp_path)
    (tmp_path / "real/005.png").write_bytes(b"broken")
    (tmp_path / "real/009.png").unlink()
    return tmp_path


def test_unreadable_images_fail_the_build_and_are_all_named(folder):
    with pytest.raises(EnrolmentError) as caught:
        run(read_config(folder / "out.yaml"))

    assert [failure.image_id for failure in caught.value.failures] == ["real/005.png", "real/009.png"]
    assert not (folder / "snapshot").exists()
    assert not (folder / "out/released").exists()


def test_images_that_the_operator_excludes_are_counted(folder):
    (folder / "exclude.txt").write_text("real/005.png\nreal/009.png\n")
    enrol = "{images: real.csv, key: private/key, reference_map: private/map.csv, exclude: exclude.txt}"
    run(read_config(write_config(folder, folder / "out", 4, enrol=enrol)))
    manifest = Snapshot.open(folder / "snapshot").manifest

    assert (manifest.references, manifest.patients, manifest.excluded) == (22, 12, 2)


def test_a_slip_in_the_list_of_excluded_images_is_an_error(folder):
    (folder / "exclude.txt").write_text("real/5.png\n")
    enrol = "{images: real.csv, key: private/key, reference_map: private/map.csv, exclude: exclude.txt}"

    with pytest.raises(UsageError, match="has 1 name of no real image"):
        run(read_config(write_config(folder, folder / "out", 4, enrol=enrol)))
