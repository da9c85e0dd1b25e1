"""Invented embeddings whose variance falls off along the axes as the shipped models' does.

Measured on 2,200 radiographs: the share of the variance on the first 8, 32 and 128 axes is 0.19, 0.42 and 0.77 in the
identity space (512 numbers), 0.70, 0.99 and 1.00 in the learned copy space (128), and 0.40, 0.66 and 0.93 in the
weight-free one (256). `uniform` is the worst case: no axis counts more than another.
"""

import numpy as np

SPACES = {"identity": (512, 85), "copy": (128, 6.6), "weight-free copy": (256, 50), "uniform": (128, None)}
"""Numbers of an embedding, and over how many axes the variance falls to a third (1 / e)."""
SHIPPED = ("identity", "copy", "weight-free copy")
IMAGES_OF_A_PATIENT = 3
_NEW, _KNOWN = 0.88, 0.94
"""Of the queries: new patients; new images of enrolled patients; the rest are near copies of references."""


def invent(space, count, asked, patients=0):
    """References and queries, float32 of unit length; another number for `patients` gives others in the same space."""
    width, axes = SPACES[space]
    spread = np.ones(width) if axes is None else np.exp(-np.arange(width) / (2 * axes))
    rng = np.random.default_rng(0)
    turned = (np.linalg.qr(rng.standard_normal((width, width)))[0] * spread).T.astype(np.float32)
    if patients:
        rng = np.random.default_rng(patients)
    enrolled = count // IMAGES_OF_A_PATIENT + 1
    people = rng.standard_normal((enrolled + asked, width), np.float32)
    shows = np.concatenate([rng.integers(0, enrolled, count), enrolled + np.arange(asked)])
    kind = rng.random(asked)
    shows[count:][kind > _NEW] = rng.integers(0, enrolled, (kind > _NEW).sum())
    rows = people[shows]
    rows += np.float32(0.5) * rng.standard_normal(rows.shape, np.float32)
    rows = rows @ turned
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    references, queries = rows[:count], rows[count:].copy()
    copies = references[rng.integers(0, count, (kind > _KNOWN).sum())]
    queries[kind > _KNOWN] = copies + np.float32(1e-3) * rng.standard_normal(copies.shape, np.float32)
    return np.ascontiguousarray(references), queries
