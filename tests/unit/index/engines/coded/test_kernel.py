import ctypes
import shutil
import subprocess

import numpy as np
import pytest
from scipy.linalg import hadamard
from support.search_kernels import ROOT, hatch_build, library

from cxrgate.index.engines.coded import kernel
from cxrgate.index.engines.coded.engine import CodedEngine
from cxrgate.index.engines.coded.kernel import Cpu, load
from cxrgate.index.engines.distance import exact_distances
from cxrgate.index.engines.matrix import MatrixEngine

pytestmark = pytest.mark.skipif(library() is None, reason="no compiler")


@pytest.fixture(params=["AVX2", "VNNI512"])
def compiled(request):
    made = load(library(), Cpu[request.param])
    if made is None:
        pytest.skip(f"no CPU of the kind {request.param}")
    return made


@pytest.mark.parametrize("scale", [1e-38, 1.0, 1e37])
def test_distances_are_numpys_to_the_last_bit(compiled, scale):
    rng = np.random.default_rng(1)
    for length in [*range(1, 300), 384, 511, 512, 640, 1000, 1024, 2048, 2049, 5000]:
        row, query = (scale * rng.standard_normal((2, length))).astype(np.float32)
        assert compiled.distance(row, query) == exact_distances(row[None], query)[0]


def test_a_better_cpu_than_there_is_gets_no_kernel():
    best = load(library()).cpu

    assert [load(library(), cpu) is not None for cpu in Cpu] == [Cpu.NONE < cpu <= best for cpu in Cpu]


def test_a_library_that_decides_otherwise_is_not_used(tmp_path):
    source = (ROOT / hatch_build().FOLDER / "nearest.c").read_text()
    other = source.replace('#pragma GCC target("avx2")', '#pragma GCC target("avx2,fma")')
    assert other != source
    (tmp_path / "nearest.c").write_text(other)
    shutil.copy(ROOT / hatch_build().FOLDER / "nearest_tile.h", tmp_path)
    fused = [flag for flag in hatch_build().FLAGS if "contract" not in flag]
    command = ["cc", *fused, "-ffp-contract=fast", tmp_path / "nearest.c", "-o", tmp_path / "fused.so", "-lm"]
    subprocess.run(command, check=True)

    assert ctypes.CDLL(str(tmp_path / "fused.so")).cxrgate_cpu() > 0
    assert load(tmp_path / "fused.so") is None


@pytest.mark.parametrize("content", [b"", b"no library", None])
def test_what_is_no_kernel_is_not_used(tmp_path, content):
    path = tmp_path / "nearest.so"
    if content is None:
        (tmp_path / "empty.c").write_text("int nothing;")
        subprocess.run(["cc", "-shared", "-fPIC", tmp_path / "empty.c", "-o", path], check=True)
    else:
        path.write_bytes(content)

    assert load(path) is None


def test_no_memory_is_an_error_and_not_an_answer(compiled):
    def none(*_):
        return -1

    broken = kernel.Kernel(type("Library", (), {"cxrgate_nearest": staticmethod(none)})(), compiled.cpu)
    engine = CodedEngine(np.ones((3, 2), np.float32))
    with pytest.raises(MemoryError):
        broken.nearest(engine._codes, engine._rows, np.ones((1, 2), np.float32), 1)


def test_numbers_at_both_ends_side_by_side_overflow_nothing(compiled):
    rng = np.random.default_rng(3)
    corners = rng.choice([-1.0, 1.0], (500, 64)) + rng.normal(0, 1e-3, (500, 64))
    rows = (corners @ hadamard(64) / 8).astype(np.float32)
    queries = rows[:40] + rng.normal(0, 1e-2, (40, 64)).astype(np.float32)
    engine = CodedEngine(rows)
    found, wanted = compiled.nearest(engine._codes, rows, queries, 7), MatrixEngine(rows).search(queries, 7)

    assert np.abs(engine._codes.frame.code(queries)[0].astype(int)).min() > 110
    assert np.array_equal(found.rows, wanted.rows)
    assert np.array_equal(found.distances, wanted.distances)


def test_pairs_give_way_to_what_fits_and_their_queries_err_by_so_much_more():
    codes = np.int8([[127, -127, 3, 125], [100, 28, -100, 28], [-127, 2, 70, 59]])
    kept, errors = kernel._within_pairs(codes, np.float64([1, 1, 1]), 0.5)

    assert kept.tolist() == [[64, -64, 3, 125], [100, 28, -100, 28], [-126, 2, 69, 59]]
    assert errors == pytest.approx([1 + 0.5 * np.hypot(63, 63), 1, 1 + 0.5 * np.hypot(1, 1)], rel=1e-15)


@pytest.mark.parametrize("there", [False, True])
def test_the_engine_answers_as_matrix_does_with_a_kernel_and_without(there, monkeypatch, tmp_path):
    monkeypatch.setattr(kernel, "LIBRARY", library() if there else tmp_path / "missing.so")
    kernel.kernel.cache_clear()
    rng = np.random.default_rng(2)
    rows, queries = rng.standard_normal((800, 20), np.float32), rng.standard_normal((30, 20), np.float32)
    found, wanted = CodedEngine(rows).search(queries, 4), MatrixEngine(rows).search(queries, 4)
    kernel.kernel.cache_clear()

    assert np.array_equal(found.rows, wanted.rows)
    assert np.array_equal(found.distances, wanted.distances)
