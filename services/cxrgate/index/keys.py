"""Opaque ids: HMAC-SHA-256 under a key that never leaves the enrolment host (EDPB Guidelines 01/2025)."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cxrgate.core import UsageError

KEY_BYTES = 32
ID_BYTES = 16
"""128 bits: no collision is to be expected below 10^15 references."""


def create_key(path: Path) -> None:
    """Write a new random key, readable by its owner only.

    Raises:
        UsageError: the file exists; a key is never replaced, its ids would be lost.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    except FileExistsError as error:
        raise UsageError(f"{path} exists, and a key is never replaced: name another file") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")


def ensure_key(path: Path) -> bytes:
    """The key's 32 bytes, of a new key where there is none yet; errors as read_key."""
    if not path.exists():
        create_key(path)
    return read_key(path)


def read_key(path: Path) -> bytes:
    """The 32 bytes of the key of the opaque ids.

    Raises:
        UsageError: no such file, or not 64 hexadecimal digits.
    """
    return _read(path, "the key of the opaque ids", "enrol first, or name the file that it is in")


def read_storage_key(path: Path) -> bytes:
    """The 32 bytes of the key that snapshots and journals are sealed with; errors as read_key."""
    return _read(path, "the storage key", "name the file that it is in, which `cxrgate index key` wrote")


def _read(path: Path, what: str, then: str) -> bytes:
    """The bytes of a key, which is called `what`; where it cannot be read, `then` says what to do."""
    wrong, made = f"{what}, {path}, is no key of {2 * KEY_BYTES} hexadecimal digits", "that `cxrgate index key` wrote"
    try:
        key = bytes.fromhex(path.read_text().strip())
    except OSError as error:
        raise UsageError(f"{what}, {path}, cannot be read: {then}") from error
    except ValueError as error:
        raise UsageError(f"{wrong}: name the file {made}") from error
    if len(key) != KEY_BYTES:
        raise UsageError(f"{wrong}, it has {2 * len(key)}: name the file {made}")
    return key


def opaque_id(key: bytes, domain: str, value: str) -> bytes:
    """16 bytes that stand for `value` in `domain`; ids of different domains cannot be linked."""
    return hmac.new(key, f"{domain}\0{value}".encode(), hashlib.sha256).digest()[:ID_BYTES]
