"""The searches that are compared, each in a process of its own with one thread, asked in turn."""

import multiprocessing
import os
import time

import numpy as np

REPEATED = 8
"""Searches with few queries are timed so many times over, each with other queries, unless one is slow."""
SLOW_SECONDS = 0.5
FEW = 16


def codes(rows):
    from cxrgate.index.engines.coded.engine import CodedEngine  # noqa: PLC0415

    return CodedEngine(rows).search


def matrix(rows):
    from cxrgate.index.engines.matrix import MatrixEngine  # noqa: PLC0415

    return MatrixEngine(rows).search


def kdtree(rows):
    from cxrgate.index.engines.kdtree import KDTreeEngine  # noqa: PLC0415

    return KDTreeEngine(rows).search


def _faiss(rows, threshold):
    import faiss  # noqa: PLC0415

    faiss.omp_set_num_threads(1)
    faiss.cvar.distance_compute_blas_threshold = threshold
    index = faiss.IndexFlatL2(rows.shape[1])
    index.add(rows)
    return index.search


def faiss_direct(rows):
    return _faiss(rows, 2**31 - 1)


def faiss_product(rows):
    return _faiss(rows, 1)


def usearch_exact(rows):
    from usearch.index import MetricKind, search  # noqa: PLC0415

    return lambda queries, k: search(rows, queries, k, MetricKind.L2sq, exact=True, threads=1)


def hnswlib_ef128(rows):
    """Not exact: it misses one neighbour in two hundred or more."""
    import hnswlib  # noqa: PLC0415

    index = hnswlib.Index("l2", rows.shape[1])
    index.init_index(len(rows), ef_construction=200, M=16)
    index.add_items(rows, num_threads=1)
    index.set_ef(128)
    index.set_num_threads(1)
    return index.knn_query


FAISS = (faiss_direct, faiss_product)


class Method:
    """One search over references in a .npy file, alive in its own process until it is stopped."""

    def __init__(self, build, references, queries):
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[name] = "1"
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there, build, str(references), str(queries)), daemon=True)
        self._process.start()
        there.close()
        self.build_seconds = self._here.recv()

    def milliseconds(self, batch, k):
        """CPU time of one search of `batch` queries."""
        self._here.send((batch, k))
        return self._here.recv()

    def stop(self):
        self._here.send(None)
        self._process.join()


def _serve(there, build, references, queries):
    rows, asked = np.load(references), np.load(queries)
    start = time.process_time()
    search = build(rows)
    there.send(time.process_time() - start)
    while (request := there.recv()) is not None:
        batch, k = request
        times = 1
        if batch <= FEW:
            begun = time.process_time()
            search(asked[:batch], k)
            times = REPEATED if time.process_time() - begun < SLOW_SECONDS else 1
        parts = [np.roll(asked, -batch * i, axis=0)[:batch].copy() for i in range(times)]
        start = time.process_time()
        for part in parts:
            search(part, k)
        there.send((time.process_time() - start) * 1000 / times)
