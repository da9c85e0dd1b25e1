import pickle
import stat
import zipfile

import numpy as np
import pytest
import torch

from cxrgate.compat.lookup import read_lookup_table, write_lookup_table
from cxrgate.core import UsageError


def rows(count=3, dimensions=128):
    values = np.random.default_rng(0).standard_normal((count, dimensions)).astype(np.float32)
    return {f"/data/files/p10/{name}.jpg": row for name, row in zip("cab", values, strict=False)}


def same(a, b):
    return list(a) == list(b) and all(np.array_equal(a[name], b[name]) and b[name].dtype == np.float32 for name in a)


def pickled(path):
    with zipfile.ZipFile(path) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("/data.pkl")))


def test_what_is_written_is_read_in_its_order(tmp_path):
    table = rows()
    write_lookup_table(tmp_path / "table.pth", table)

    assert same(table, read_lookup_table(tmp_path / "table.pth"))


def test_table_of_the_seed_is_read(tmp_path):
    table = rows()
    torch.save(table, tmp_path / "table.pth")

    assert b"numpy._core" in pickled(tmp_path / "table.pth")
    assert same(table, read_lookup_table(tmp_path / "table.pth"))


def test_the_seed_reads_what_is_written_with_numpy_1_too(tmp_path):
    table = rows()
    write_lookup_table(tmp_path / "table.pth", table)

    assert same(table, torch.load(tmp_path / "table.pth", weights_only=False))
    assert b"numpy._core" not in pickled(tmp_path / "table.pth")


def test_table_is_for_its_owner_only(tmp_path):
    write_lookup_table(tmp_path / "table.pth", rows())

    assert stat.S_IMODE((tmp_path / "table.pth").stat().st_mode) == 0o600


def test_table_that_runs_code_is_refused_and_not_run(tmp_path):
    marker = tmp_path / "ran"

    class Malicious:
        def __reduce__(self):
            return (open, (str(marker), "w"))

    torch.save({**rows(), "last": Malicious()}, tmp_path / "table.pth")

    with pytest.raises(UsageError, match="without running its code"):
        read_lookup_table(tmp_path / "table.pth")
    assert not marker.exists()


def test_no_other_global_of_numpy_can_be_called(tmp_path):
    target = tmp_path / "written.npy"

    class Saves:
        def __reduce__(self):
            return (np.save, (str(target), 1))

    torch.save({"a": Saves()}, tmp_path / "table.pth")

    with pytest.raises(UsageError, match="without running its code"):
        read_lookup_table(tmp_path / "table.pth")
    assert not target.exists()


def test_reading_a_table_allows_nothing_afterwards(tmp_path):
    torch.save(rows(), tmp_path / "table.pth")
    read_lookup_table(tmp_path / "table.pth")

    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "table.pth", weights_only=True)


@pytest.mark.parametrize(
    "content",
    [
        [1, 2],
        {},
        {"a": np.zeros(3)},
        {"a": np.zeros((2, 3), np.float32)},
        {"a": np.zeros(0, np.float32)},
        {"a": np.array([0, np.nan], np.float32)},
        {"a": np.zeros(3, np.float32), "b": np.zeros(4, np.float32)},
        {1: np.zeros(3, np.float32)},
        {"a": torch.zeros(3)},
        {"a": [0.0, 1.0]},
    ],
    ids=["list", "empty", "float64", "2-d", "no numbers", "NaN", "ragged", "number as path", "tensor", "list as row"],
)
def test_what_is_no_table_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "table.pth")

    with pytest.raises(UsageError):
        read_lookup_table(tmp_path / "table.pth")


@pytest.mark.parametrize("size", [0, 1, 100, -1])
def test_cut_off_table_is_refused(tmp_path, size):
    write_lookup_table(tmp_path / "table.pth", rows())
    (tmp_path / "table.pth").write_bytes((tmp_path / "table.pth").read_bytes()[:size])

    with pytest.raises(UsageError):
        read_lookup_table(tmp_path / "table.pth")


def test_equal_tables_are_equal_files(tmp_path):
    write_lookup_table(tmp_path / "a.pth", rows())
    write_lookup_table(tmp_path / "b.pth", rows())

    assert (tmp_path / "a.pth").read_bytes() == (tmp_path / "b.pth").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.pth") as archive:
        assert {item.date_time[0] for item in archive.infolist()} == {1980}


def test_path_with_a_line_break_is_refused(tmp_path):
    with pytest.raises(UsageError, match="line break"):
        write_lookup_table(tmp_path / "table.pth", {"a\ncnumpy._core.multiarray\n": np.zeros(3, np.float32)})
    assert not list(tmp_path.iterdir())
