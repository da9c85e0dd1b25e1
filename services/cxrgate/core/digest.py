"""Digests: sha256 in hex over bytes, files, pixels and canonical JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def bytes_digest(content: bytes) -> str:
    """Sha256 of `content`, in hex."""
    return hashlib.sha256(content).hexdigest()


def file_digest(path: Path) -> str:
    """Sha256 of a file's content, in hex, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pixel_digest(pixels: NDArray[np.uint8]) -> str:
    """Sha256 of the shape (two little-endian uint32) and the pixels uint8[height, width] in row order.

    Two encodings of the same pixels have the same digest.
    """
    sha = hashlib.sha256(np.asarray(pixels.shape, dtype="<u4").tobytes())
    sha.update(np.ascontiguousarray(pixels).data)
    return sha.hexdigest()


def canonical_json(value: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys, no spaces and no NaN: equal mappings give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def rows_digest(name: str, rows: Iterable[Sequence[Any]]) -> str:
    """As mapping_digest of {name: rows}, in hex, with one row in memory at a time."""
    sha = hashlib.sha256(b"{" + json.dumps(name).encode() + b":[")
    between = b""
    for row in rows:
        sha.update(between + json.dumps(row, sort_keys=True, separators=(",", ":"), allow_nan=False).encode())
        between = b","
    sha.update(b"]}")
    return sha.hexdigest()


def mapping_digest(value: Mapping[str, Any]) -> str:
    """Sha256 of the canonical JSON of `value`, in hex."""
    return bytes_digest(canonical_json(value))
