"""References and queries on which a search can go wrong, and the float64 answer by brute force."""

from __future__ import annotations

import numpy as np

_BLOCK = 4096
_QUERIES = 512
_DIFFERENT = 4000


def normal(rng, count, dimensions):
    return rng.standard_normal((count, dimensions))


def on_sphere(rng, count, dimensions):
    rows = normal(rng, count, dimensions)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def patients(rng, count, dimensions, axes=None):
    """Unit rows of patients with some images each, whose variance falls off along the axes as embeddings' does."""
    spread = np.exp(-np.arange(dimensions) / (axes or dimensions / 5))
    turned = np.linalg.qr(normal(rng, dimensions, dimensions))[0]
    people = normal(rng, count // 3 + 1, dimensions)
    rows = people[rng.integers(0, len(people), count)] + 0.5 * normal(rng, count, dimensions)
    rows = (rows * np.sqrt(spread)) @ turned
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def jittered(size):
    """Near-duplicates of one row: float32 matrix search names the wrong one."""

    def rows(rng, count, dimensions):
        return on_sphere(rng, 1, dimensions) + size * normal(rng, count, dimensions)

    return rows


def repeated(rng, count, dimensions):
    """Each row some five times: distances are ties, among 20,000 references too, however many are asked."""
    different = on_sphere(rng, min(count // 5 + 1, _DIFFERENT), dimensions)
    return different[rng.integers(0, len(different), count)]


def lengths_apart(rng, count, dimensions):
    return on_sphere(rng, count, dimensions) * rng.lognormal(0, 2, (count, 1))


def one_far(rng, count, dimensions):
    """One row a million times as long as the others: all others have nearly the same code."""
    rows = on_sphere(rng, count, dimensions)
    rows[count // 2] *= 1e6
    return rows


def grid(rng, count, dimensions):
    """Small integers: distances are square roots of integers, most of them ties."""
    return rng.integers(-1, 2, (count, dimensions)).astype(float)


def on_a_line(rng, count, dimensions):
    return normal(rng, count, 1) * on_sphere(rng, 1, dimensions)


CASES = {
    "normal": normal,
    "on sphere": on_sphere,
    "patients": patients,
    "low rank": lambda rng, count, dimensions: patients(rng, count, dimensions, 2),
    "near-duplicates 1e-4": jittered(1e-4),
    "near-duplicates 2e-6": jittered(2e-6),
    "far from the origin": lambda rng, count, dimensions: 1e4 + normal(rng, count, dimensions),
    "repeated": repeated,
    "lengths apart": lengths_apart,
    "one far": one_far,
    "all equal": lambda rng, count, dimensions: np.ones((count, 1)) * normal(rng, 1, dimensions),
    "all zero": lambda rng, count, dimensions: np.zeros((count, dimensions)),
    "grid": grid,
    "on a line": on_a_line,
    "tiny": lambda rng, count, dimensions: 1e-38 * normal(rng, count, dimensions),
    "huge": lambda rng, count, dimensions: 1e37 * normal(rng, count, dimensions),
}
"""By name: (random generator, count, dimensions) to rows float64[count, dimensions]."""


def make_case(name, seed, count, dimensions, asked):
    """Rows and `asked` queries, float32: new ones of the same kind, exact and near copies, and some far away."""
    rng = np.random.default_rng(seed)
    made = CASES[name](rng, count + asked, dimensions).astype(np.float32)
    rows, queries = made[:count], made[count:]
    copies = rows[rng.integers(0, count, asked)]
    kind = rng.integers(0, 8, asked)
    queries[kind == 0] = copies[kind == 0]
    near = kind == 1
    queries[near] = copies[near] * np.float32(1 + 1e-6)
    queries[kind == 2] *= np.float32(3)
    return np.ascontiguousarray(rows), np.ascontiguousarray(queries)


def brute_force(rows, queries, k):
    """Rows int64[q, k] and distances float64[q, k] of the k nearest by float64 differences, ties by insertion order.

    A float64 product, whose error is bounded, leaves out what is certainly too far, so that 100,000 queries end.
    """
    wide = rows.astype(np.float64)
    squares = (wide * wide).sum(axis=1)
    found = [_brute(wide, squares, queries[i : i + _QUERIES], k) for i in range(0, len(queries), _QUERIES)]
    return tuple(np.concatenate(part) for part in zip(*found, strict=True))


def _brute(wide, squares, queries, k):
    asked = queries.astype(np.float64)
    own = (asked * asked).sum(axis=1)
    distances = own[:, None] + squares - 2 * asked @ wide.T
    # Twice the bound of a float64 sum of 1,100 products, in terms of the lengths.
    error = 5e-13 * (own[:, None] + squares)
    kth = np.partition(distances + error, k - 1, axis=1)[:, k - 1]
    near = distances - error <= kth[:, None]
    rows, exact = np.empty((len(queries), k), np.int64), np.empty((len(queries), k))
    for i, query in enumerate(asked):
        places = np.flatnonzero(near[i])
        apart = wide[places] - query
        lengths = np.sqrt(np.add.reduce(apart * apart, axis=1))
        order = np.lexsort((places, lengths))[:k]
        rows[i], exact[i] = places[order], lengths[order]
    return rows, exact
