"""What exact search costs beside other libraries: process CPU time of one thread, methods asked in turn.

A few minutes on one core; the long form takes an hour or more, and asks a million references as well.
"""

import asyncio
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from benchmarks.search import methods
from benchmarks.search.embeddings import SHIPPED, SPACES, invent
from benchmarks.search.methods import FAISS, Method

from cxrgate.core import Descriptors
from cxrgate.index.engines.coded.kernel import kernel
from cxrgate.index.engines.engine import EngineName
from cxrgate.index.search import LocalSearcher
from cxrgate.index.snapshot import Snapshot
from cxrgate.index.space_codes import codes_part

REFERENCES = 112_120
"""Images of ChestX-ray14."""
BATCHES = (1, 16, 256, 4096)
COHORT = 53
"""Neighbours in the identity space: a little more than the 43 that the default policy asks for first."""
CANDIDATES = 3
OPENBLAS_SECONDS = 0.5
"""After which OpenBLAS's other threads sleep. They turn round and round for 0.1 s after the large products by which a
snapshot's codes are made, which no check waits for, and would double the process time of the searches that follow."""
OTHERS = (methods.matrix, methods.usearch_exact, methods.hnswlib_ef128, methods.kdtree)
SLOW_FROM = {methods.kdtree: 256, methods.usearch_exact: 4096, methods.matrix: 4096, methods.faiss_direct: 16}
"""Batches from which a method is left out: it is slower by far than another path, or takes minutes."""


def compare(space, count, compared, ks, batches, rounds):
    """CPU milliseconds per batch by method and "b16 k1": the least, the median and the largest of the rounds."""
    references, queries = invent(space, count, max(batches))
    figures = {}
    with tempfile.TemporaryDirectory() as name:
        for file, rows in (("references", references), ("queries", queries)):
            np.save(Path(name) / f"{file}.npy", rows)
        running = {
            build: Method(build, Path(name) / "references.npy", Path(name) / "queries.npy") for build in compared
        }
        for batch in batches:
            asked = {build: method for build, method in running.items() if batch < SLOW_FROM.get(build, batch + 1)}
            for k in ks:
                times = {build: [] for build in asked}
                for _ in range(1 if batch >= BATCHES[-1] else rounds):
                    for build, method in asked.items():
                        times[build].append(method.milliseconds(batch, min(k, count)))
                for build, taken in times.items():
                    summary = [round(value, 3) for value in (min(taken), float(np.median(taken)), max(taken))]
                    figures.setdefault(build.__name__, {})[f"b{batch} k{k}"] = summary
        for build, method in running.items():
            figures[build.__name__]["build seconds"] = round(method.build_seconds, 2)
            method.stop()
    print(f"{space}, {count} references:", flush=True)
    for name, row in figures.items():
        print(
            f"  {name:14}",
            "  ".join(f"{at} {value[1] if isinstance(value, list) else value}" for at, value in row.items()),
        )
    return figures


def over_faiss(figures, at):
    """How many times the CPU time of our search FAISS's better path takes."""
    best = min(figures[build.__name__][at][1] for build in FAISS if at in figures[build.__name__])
    return best / figures[methods.codes.__name__][at][1]


def all_spaces(batch=16, rounds=5):
    """CPU milliseconds per image of a searcher over all shipped spaces, in the default policy's way."""
    rows, asked = zip(*(invent(space, REFERENCES, batch * rounds) for space in SHIPPED), strict=True)
    rng = np.random.default_rng(0)
    arrays = {
        "identity": rows[0],
        "features": rng.standard_normal((REFERENCES, 128), np.float32),
        "copy": np.concatenate(rows[1:], axis=1),
        "reference_ids": rng.integers(0, 256, (REFERENCES, 16), np.uint8),
        "patient_keys": np.repeat(rng.integers(0, 256, (REFERENCES // 3 + 1, 16), np.uint8), 3, axis=0)[:REFERENCES],
        "mean_layout": np.full(64, 0.125, np.float32),
    }
    manifest = SimpleNamespace(references=REFERENCES)
    start = time.process_time()
    parts = codes_part(arrays)
    coding = time.process_time() - start
    start = time.process_time()
    searcher = LocalSearcher(Snapshot(Path(), manifest, arrays, parts=parts), CANDIDATES, EngineName.CODES)
    opening = time.process_time() - start
    layout = np.full(64, 0.125, np.float32)
    queries = [
        Descriptors(str(i), {"identity": identity, "copy": np.concatenate([learned, plain])}, layout)
        for i, (identity, learned, plain) in enumerate(zip(*asked, strict=True))
    ]
    times = asyncio.run(_milliseconds_per_image(searcher, queries, batch))
    return {"search_ms_per_image_112k": float(np.median(times)), "coding": coding, "opening": opening}


async def _milliseconds_per_image(searcher, queries, batch):
    await searcher.search(queries[:batch])
    await asyncio.sleep(OPENBLAS_SECONDS)
    times = []
    for i in range(0, len(queries), batch):
        start = time.process_time()
        await searcher.search(queries[i : i + batch])
        times.append((time.process_time() - start) * 1000 / batch)
    return times


def figures(*, long):
    """Of search."""
    rounds = 5 if long else 3
    ks = (1, 3, COHORT) if long else (1, COHORT)
    start = time.monotonic()
    spaces = {
        name: compare(name, REFERENCES, (methods.codes, *FAISS), ks, BATCHES, rounds)
        for name in (SPACES if long else SHIPPED)
    }
    ratios = {
        f"search_over_faiss_flat_b{batch}": min(
            over_faiss(spaces[name], f"b{batch} k{k}") for name in SHIPPED for k in (1, COHORT)
        )
        for batch in BATCHES
    }
    others = compare("copy", REFERENCES, (methods.codes, *OTHERS), ks, BATCHES if long else BATCHES[:2], rounds)
    sizes = {}
    for count in (1_000, 1_000_000) if long else (1_000,):
        compared = (methods.codes, *FAISS, *(OTHERS if count == 1_000 or long else ()))
        sizes[count] = {name: compare(name, count, compared, ks, BATCHES[:3], rounds) for name in ("copy", "identity")}
    whole = all_spaces()
    compiled = kernel()
    return {
        **ratios,
        "search_ms_per_image_112k": whole.pop("search_ms_per_image_112k"),
        "search": {
            "dimensions": {name: SPACES[name][0] for name in spaces},
            "scan": "numpy" if compiled is None else compiled.cpu.name,
            "milliseconds_of_cpu": {str(REFERENCES): spaces, f"{REFERENCES}, others": {"copy": others}, **sizes},
            "seconds_of_cpu": whole,
            "wall_seconds": time.monotonic() - start,
        },
    }
