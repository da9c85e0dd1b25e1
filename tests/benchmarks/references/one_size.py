"""Codes and searches over one number of references, in a process of its own: prints what they took as a line of JSON.

Usage: python -m benchmarks.references.one_size FOLDER BATCH ..., with SPACE.npy and SPACE.queries.npy below FOLDER for
one or more of the spaces. CPU time of one thread, k = 1 and the default policy's; memory is this process's peak, with
the rows mapped.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from benchmarks.peak_memory import peak_mebibytes

from cxrgate.index.engines.coded.codes import encode
from cxrgate.index.engines.coded.engine import CodedEngine
from cxrgate.index.engines.coded.fit import fit

KS = {"identity": (1, 53)}
OTHER_KS = (1, 3)
"""The plain search, and one with 50 references more of the identity space; the default policy asks for 40 more."""
FEW = 16
REPEATED = 8


def search_ms(engine: CodedEngine, queries: np.ndarray, batch: int, k: int) -> float:
    """CPU milliseconds of a batch, the median where it is small."""
    engine.search(queries[:1], k)
    taken = []
    for number in range(REPEATED if batch <= FEW else 1):
        part = np.roll(queries, -batch * number, axis=0)[:batch].copy()
        started = time.process_time()
        engine.search(part, k)
        taken.append(1000 * (time.process_time() - started))
    return float(np.median(taken))


def space_figures(rows: np.ndarray, queries: np.ndarray, batches: list[int], ks: tuple[int, ...]) -> dict:
    """Of one space."""
    started = time.process_time()
    codes = encode(rows, fit(rows))
    coding = time.process_time() - started
    engine = CodedEngine(rows, codes)
    return {
        "dimensions": rows.shape[1],
        "numbers": codes.width,
        "coding_seconds": coding,
        "code_bytes": codes.packed.nbytes + codes.starts.nbytes,
        "milliseconds": {f"b{batch} k{k}": search_ms(engine, queries, batch, k) for batch in batches for k in ks},
    }


def main(folder: str, *batches: str) -> None:
    """Measure and print."""
    found = {}
    for path in sorted(Path(folder).glob("*.queries.npy")):
        space = path.name.removesuffix(".queries.npy")
        rows, queries = np.load(path.with_name(f"{space}.npy"), mmap_mode="r"), np.load(path)
        found[space] = space_figures(rows, queries, [int(batch) for batch in batches], KS.get(space, OTHER_KS))
    print(json.dumps({"spaces": found, "peak_gib": peak_mebibytes() / 1024}))


if __name__ == "__main__":
    main(*sys.argv[1:])
