"""The compiled search: found, fitted to the CPU and tried once per process; None where there is none to use."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrgate.index.engines.coded.codes import Codes, encode
from cxrgate.index.engines.coded.fit import fit
from cxrgate.index.engines.coded.scan import nearest
from cxrgate.index.engines.distance import exact_distances
from cxrgate.index.engines.engine import Neighbors

LIBRARY = Path(__file__).with_name("nearest.so")
"""What hatch_build.py compiles nearest.c to, where there is a compiler."""

PAIR = 128
"""255 times as much fits 16 bits, which is what the AVX2 scan has for the products of two numbers."""


class Cpu(IntEnum):
    """Kinds of CPU that nearest.c has a scan for, as it numbers them."""

    NONE = 0
    AVX2 = 1
    VNNI512 = 2


@dataclass(frozen=True, slots=True)
class Kernel:
    """The search of nearest.c for one kind of CPU. It runs without the interpreter's lock."""

    library: ctypes.CDLL
    cpu: Cpu

    def distance(self, row: NDArray[np.float32], query: NDArray[np.float32]) -> float:
        """The distance of two float32[d] as the kernel decides by it."""
        return float(
            self.library.cxrgate_distance(ctypes.c_int(self.cpu), _at(row), _at(query), ctypes.c_int32(len(row)))
        )

    def nearest(self, codes: Codes, rows: NDArray[np.float32], queries: NDArray[np.float32], k: int) -> Neighbors:
        """As scan.nearest; rows may be a part of wider ones, but a row's numbers must lie side by side.

        Raises:
            MemoryError: no memory for the candidates.
        """
        queries = np.ascontiguousarray(queries)
        coded, errors = codes.frame.code(queries)
        factors = np.zeros((len(queries), codes.width), np.int8)
        factors[:, : coded.shape[1]] = coded
        if self.cpu is Cpu.AVX2:
            factors, errors = _within_pairs(factors, errors, codes.frame.step)
        found = Neighbors(np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float64))
        measured = self.library.cxrgate_nearest(
            ctypes.c_int(self.cpu),
            *(_at(codes.packed), _at(codes.starts), _at(rows)),
            *(ctypes.c_int64(rows.strides[0] // rows.itemsize), ctypes.c_int64(len(rows))),
            *(ctypes.c_int32(rows.shape[1]), ctypes.c_int32(codes.width)),
            *(ctypes.c_double(codes.frame.step), ctypes.c_double(codes.error)),
            *(_at(queries), _at(factors), _at(errors), ctypes.c_int64(len(queries)), ctypes.c_int32(k)),
            *(_at(found.distances), _at(found.rows)),
        )
        if measured < 0:
            raise MemoryError("expected memory for the candidates of a search")
        return found


@cache
def kernel() -> Kernel | None:
    """The kernel for this CPU, or None: numpy searches then, more slowly and with the same answers."""
    return load(LIBRARY) if LIBRARY.exists() else None


def load(path: Path, cpu: Cpu | None = None) -> Kernel | None:
    """The kernel in a library, for this CPU or for a lesser one; None unless it runs and answers as numpy does."""
    try:
        library = ctypes.CDLL(str(path))
        library.cxrgate_nearest.restype = ctypes.c_int64
        library.cxrgate_distance.restype = ctypes.c_double
        best = Cpu(library.cxrgate_cpu())
    except (OSError, AttributeError, ValueError):
        return None
    chosen = best if cpu is None else cpu
    made = Kernel(library, chosen)
    return made if Cpu.NONE < chosen <= best and _as_numpy(made) else None


def _as_numpy(made: Kernel) -> bool:
    """Whether distances equal numpy's to the last bit, however long the rows, and a small search's answer numpy's.

    A library that was compiled with fused multiply-adds, or a numpy that adds in another order, shows here.
    """
    rng = np.random.default_rng(0)
    pairs = rng.standard_normal((2, 64, 1100), np.float32)
    lengths = [*range(1, 40), 127, 128, 129, 136, 255, 256, 257, 264, 384, 511, 512, 520, 1000, 1024, 1025, 1100]
    same = all(
        made.distance(row[:length], query[:length]) == exact_distances(row[None, :length], query[:length])[0]
        for length, row, query in zip(lengths, *pairs, strict=False)
    )
    rows, queries = pairs[0, :, :300].reshape(-1, 12), pairs[1, :, :12]
    codes = encode(rows, fit(rows))
    found = [search(codes, rows, queries, 5) for search in (made.nearest, nearest)]
    return same and all(
        np.array_equal(*pair) for pair in zip(*((one.rows, one.distances) for one in found), strict=True)
    )


def _within_pairs(
    codes: NDArray[np.int8], errors: NDArray[np.float64], step: float
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Codes int8[q, w] of which no two numbers side by side (1st and 2nd, 3rd and 4th ...) exceed PAIR together.

    The larger of a pair gives way, or both to half of PAIR. A code may be any, as long as its error is known: what is
    taken away adds to the errors float64[q]. Numbers spread as by fit.py give such a pair to one query in four.
    """
    sizes = np.abs(codes).view(np.uint8)
    wide = np.flatnonzero((sizes[:, ::2] + sizes[:, 1::2] > PAIR).any(axis=1))
    pairs = codes[wide].astype(np.int16).reshape(len(wide), codes.shape[1] // 2, 2)
    most = np.maximum(PAIR - np.abs(pairs).min(axis=2, keepdims=True), PAIR // 2)
    kept = np.clip(pairs, -most, most)
    codes, errors = codes.copy(), errors.copy()
    codes[wide] = kept.reshape(len(wide), codes.shape[1])
    errors[wide] += step * np.sqrt(np.add.reduce((pairs - kept).astype(np.float64) ** 2, axis=(1, 2)))
    return codes, errors


def _at(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
